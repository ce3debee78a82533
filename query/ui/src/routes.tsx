/**
 * Pages by address. The addresses and their parameters are those of Jaeger's UI where it has such a page, so that links
 * made for it keep working. Pages load when they are first shown.
 */
import { createBrowserRouter } from "react-router";
import { BASE_PATH } from "./base";
import { Frame } from "./parts/Frame";
import { Starting } from "./parts/Starting";
import { Unexpected } from "./parts/Unexpected";

export const router = createBrowserRouter(
  [
    {
      Component: Frame,
      ErrorBoundary: Unexpected,
      HydrateFallback: Starting,
      children: [
        { index: true, lazy: async () => ({ Component: (await import("./pages/home/Home")).Home }) },
        { path: "search", lazy: async () => ({ Component: (await import("./pages/search/Search")).Search }) },
        {
          path: "trace/:id",
          lazy: async () => ({ Component: (await import("./pages/transaction/Transaction")).Transaction }),
        },
        { path: "events", lazy: async () => ({ Component: (await import("./pages/events/Events")).Events }) },
        { path: "mesh", lazy: async () => ({ Component: (await import("./pages/mesh/Mesh")).Mesh }) },
        {
          path: "propagation",
          lazy: async () => ({ Component: (await import("./pages/propagation/Propagation")).Propagation }),
        },
        {
          path: "dependencies",
          lazy: async () => ({ Component: (await import("./pages/dependencies/Dependencies")).Dependencies }),
        },
        { path: "monitor", lazy: async () => ({ Component: (await import("./pages/monitor/Monitor")).Monitor }) },
        { path: "*", lazy: async () => ({ Component: (await import("./pages/Nowhere")).Nowhere }) },
      ],
    },
  ],
  { basename: BASE_PATH || "/" },
);
