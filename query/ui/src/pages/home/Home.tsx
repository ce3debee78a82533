import { IdBox } from "../../parts/IdBox";
import { Failures } from "./Failures";
import { Services } from "./Services";
import "./home.css";

/** Where people arrive with an ID, or with nothing but the time it went wrong. */
export function Home() {
  return (
    <div className="home">
      <title>weftline</title>
      <section className="begin">
        <h1>Every log of one request</h1>
        <IdBox autoFocus />
        <p className="quiet says">
          A transaction ID, <code>x-request-id</code>, <code>traceparent</code> or any alias opens its request. A search
          such as <code>service=cart status=error</code> or <code>log:"timeout"</code> finds them.
        </p>
      </section>
      <div className="glance">
        <Failures />
        <Services />
      </div>
    </div>
  );
}
