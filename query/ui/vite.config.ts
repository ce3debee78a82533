import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Relative addresses: where the files lie is known only to the service that answers with <base href>.
export default defineConfig({
  base: "./",
  plugins: [react()],
  build: { target: "es2022", sourcemap: false, assetsDir: "assets", chunkSizeWarningLimit: 900 },
  server: { proxy: { "/api": process.env.WEFTLINE_URL ?? "http://127.0.0.1:16686" } },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx"] },
});
