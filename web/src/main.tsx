import "./app/styles";
import "./app/global.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { fetchAhead } from "./app/ahead";
import { connectApi } from "./app/connect";
import { startI18n } from "./i18n";

const root = document.getElementById("root");
if (root) {
  connectApi();
  const texts = startI18n();
  fetchAhead();
  void texts.then(() =>
    createRoot(root).render(
      <StrictMode>
        <App />
      </StrictMode>,
    ),
  );
}
