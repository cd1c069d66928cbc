import i18next from "i18next";
import { ApiError } from "@/api/client";

/** What to tell people about a failure, in the panel's language. */
export function errorText(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  if (error.status === 0) return i18next.t("error.unreachable");
  if (error.code === "unexpected_answer") return i18next.t("error.unexpected", { status: error.status });
  if (error.retryAfter === null) return error.message;
  return `${error.message} ${i18next.t("error.wait", { count: error.retryAfter })}`;
}
