import "./app/styles";
import "./app/global.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { connectApi } from "./app/connect";
import { startI18n } from "./i18n";

const root = document.getElementById("root");
if (root) {
  connectApi();
  void startI18n().then(() =>
    createRoot(root).render(
      <StrictMode>
        <App />
      </StrictMode>,
    ),
  );
}
