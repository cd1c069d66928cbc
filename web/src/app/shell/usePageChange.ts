import { useMatches, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

/** Names the page in the window's title, and moves the focus to its heading after a navigation. */
export function usePageChange() {
  const { t } = useTranslation();
  const router = useRouter();
  const name = useMatches({
    select: (matches) =>
      matches.some(({ status, _notFound }) => _notFound || status === "notFound")
        ? "notFound"
        : matches.findLast((match) => match.staticData.title)?.staticData.title,
  });

  useEffect(() => {
    document.title = name ? `${t(`nav.${name}`)} · ${t("product")}` : t("product");
  }, [name, t]);

  useEffect(
    () =>
      router.subscribe("onRendered", ({ fromLocation, pathChanged }) => {
        if (fromLocation && pathChanged) document.getElementById("page-title")?.focus();
      }),
    [router],
  );
}
