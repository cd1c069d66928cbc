import "./app/early";
import "./app/styles";
import "./app/global.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { endBeginning } from "./api/begun";
import { App } from "./app/App";
import { connectApi } from "./app/connect";
import { queryClient } from "./app/queryClient";
import { router } from "./app/router";
import { distrust } from "./app/trusted";
import { startI18n } from "./i18n";

distrust(window);

/** How long the first rendering waits for data that is on its way: rendering twice would take longer. */
const PATIENCE_MS = 150;

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** What the first page shows: its code and texts, and what it begins with. */
async function firstPage() {
  await Promise.all([startI18n(), router.load().catch(() => undefined)]);
  endBeginning();
  const data = queryClient.getQueryCache().findAll({ queryKey: ["stats"] });
  await Promise.race([
    Promise.all(data.map((query) => query.promise?.catch(() => undefined))),
    pause(PATIENCE_MS),
  ]);
}

const root = document.getElementById("root");
if (root) {
  connectApi();
  void firstPage().then(() =>
    createRoot(root).render(
      <StrictMode>
        <App />
      </StrictMode>,
    ),
  );
}
