import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router/dom";
import { AnswerError } from "./api/client";
import { router } from "./routes";
import "./style/tokens.css";
import "./style/page.css";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What the service refused it will refuse again; only an unreachable or busy one is worth another try.
      retry: (count, error) => count < 2 && !(error instanceof AnswerError && error.status < 500),
      refetchOnWindowFocus: false,
    },
  },
});

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
// Boxes, lists and buttons show what the address says. In a transition, which may take long, React would put each back to
// what it was before, and a second click would start from there.
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} useTransitions={false} />
    </QueryClientProvider>
  </StrictMode>,
);
