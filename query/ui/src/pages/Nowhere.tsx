import { Link, useLocation } from "react-router";
import { printable } from "../format/printable";

export function Nowhere() {
  const { pathname } = useLocation();
  return (
    <>
      <h1>There is nothing at {printable(pathname)}</h1>
      <p>
        <Link to="/">Begin with an ID</Link> or <Link to="/search">search</Link>.
      </p>
    </>
  );
}
