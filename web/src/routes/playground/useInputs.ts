import { useMutation } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { notifyError } from "@/ui/toast";
import { fetchPicture, type InputPicture, readPicture } from "./inputs";
import { playground } from "./store";

interface Source {
  files?: readonly File[];
  /** Pictures of the gallery. */
  filenames?: readonly string[];
}

/** Adds pictures from wherever they come. */
export function useAddInputs() {
  const { t } = useTranslation("playground");
  return useMutation({
    mutationFn: async ({ files = [], filenames = [] }: Source) => {
      const reading: Promise<InputPicture>[] = [
        ...files.map((file) => readPicture(file, file.name || "picture.png")),
        ...filenames.map((name) => fetchPicture(name)),
      ];
      const read = await Promise.allSettled(reading);
      playground.addInputs(read.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])));
      return read.filter(({ status }) => status === "rejected").length;
    },
    onSuccess: (failed) => {
      if (failed > 0) notifyError(new Error(t("inputs.unreadable", { count: failed })));
    },
  });
}

/** Pictures that are pasted anywhere on the page are added. */
export function usePaste(add: (source: Source) => void) {
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])].filter(({ type }) => type.startsWith("image/"));
      if (files.length === 0) return;
      event.preventDefault();
      add({ files });
    };
    document.addEventListener("paste", onPaste);
    return () => document.removeEventListener("paste", onPaste);
  }, [add]);
}
