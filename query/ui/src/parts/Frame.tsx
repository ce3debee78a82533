import { NavLink, Outlet, ScrollRestoration } from "react-router";
import "./frame.css";
import { IdBox } from "./IdBox";
import { ThemeSwitch } from "./ThemeSwitch";

const PAGES = [["/search", "Search"]] as const;

/** What stands around every page: the way to all others, and the box that takes any ID. */
export function Frame() {
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="frame">
        <NavLink to="/" className="brand" end>
          weftline
        </NavLink>
        <nav aria-label="Pages">
          {PAGES.map(([address, name]) => (
            <NavLink key={address} to={address}>
              {name}
            </NavLink>
          ))}
        </nav>
        <IdBox />
        <ThemeSwitch />
      </header>
      <main id="main" tabIndex={-1}>
        <Outlet />
      </main>
      <ScrollRestoration />
    </>
  );
}
