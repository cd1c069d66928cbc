import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type ReactElement, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { configQuery } from "@/api/queries";
import { ErrorState } from "@/ui/ErrorState";
import { PageHeader } from "@/ui/PageHeader";
import { FormSkeleton } from "@/ui/skeletons";
import { DrawForm } from "./DrawForm";
import { withSearch } from "./form";
import { modelsQuery } from "./models";
import classes from "./Playground.module.css";
import { Results } from "./Results";
import { playground } from "./store";
import { useAddInputs } from "./useInputs";

const route = getRouteApi("/panel/playground");

export default function PlaygroundPage(): ReactElement {
  const { t } = useTranslation(["playground", "common"]);
  const models = useQuery(modelsQuery);
  const config = useQuery(configQuery);
  const failed = [models, config].find(({ isError, data }) => isError && data === undefined);
  useOpening();
  return (
    <>
      <PageHeader title={t("common:nav.playground")} description={t("description")} />
      {failed && <ErrorState error={failed.error} onRetry={() => void failed.refetch()} />}
      {!failed && (
        <div className={classes.page}>
          {models.data && config.data ? (
            <DrawForm models={models.data} config={config.data} />
          ) : (
            <FormSkeleton fields={5} />
          )}
          <Results />
        </div>
      )}
    </>
  );
}

/** Takes over what the address says, once: afterwards the form leads and the address follows. */
function useOpening() {
  const search = route.useSearch();
  const add = useAddInputs();
  const opened = useRef(false);
  useEffect(() => {
    if (opened.current) return;
    opened.current = true;
    if (Object.keys(search).length === 0) return;
    playground.setForm(withSearch(playground.get().form, search));
    const { pictures = [] } = search;
    const present = playground.get().inputs.map(({ filename }) => filename);
    // Coming back to what is still there must not read it anew, nor drop a mask.
    if (pictures.length === present.length && pictures.every((name, at) => name === present[at])) return;
    playground.setInputs([]);
    if (pictures.length > 0) add.mutate({ filenames: pictures });
  }, [search, add]);
}
