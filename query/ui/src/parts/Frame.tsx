import { useEffect, useRef } from "react";
import { NavLink, Outlet, ScrollRestoration, useHref, useLocation, useMatch } from "react-router";
import "./frame.css";
import { IdBox } from "./IdBox";
import { SignOut } from "./SignOut";
import { ThemeSwitch } from "./ThemeSwitch";

const PAGES = [
  ["/search", "Search"],
  ["/dependencies", "Dependencies"],
  ["/monitor", "Monitor"],
  ["/events", "Events"],
  ["/mesh", "Mesh"],
  ["/propagation", "Propagation"],
] as const;

/** What stands around every page: the way to all others, and the box that takes any ID. */
export function Frame() {
  // That page has a larger one.
  const home = useMatch("/") !== null;
  // With <base href> a "#main" alone would be the home page's.
  const { pathname, search } = useLocation();
  const content = useHref({ pathname, search, hash: "#main" });
  const pages = useRef<HTMLElement>(null);
  // On a phone not all of them have room.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page is another name to be seen
  useEffect(() => {
    pages.current?.querySelector(".active")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [pathname]);
  return (
    <>
      <a className="skip" href={content}>
        Skip to content
      </a>
      <header className="frame">
        <NavLink to="/" className="brand" end>
          weftline
        </NavLink>
        <nav ref={pages} aria-label="Pages">
          {PAGES.map(([address, name]) => (
            <NavLink key={address} to={address}>
              {name}
            </NavLink>
          ))}
        </nav>
        {!home && <IdBox />}
        <ThemeSwitch />
        <SignOut />
      </header>
      <main id="main" tabIndex={-1}>
        <Outlet />
      </main>
      <ScrollRestoration />
    </>
  );
}
