import { Button, Skeleton, Stack } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { updateQuery } from "@/api/queries";
import type { UpdateState } from "@/api/types";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { Section } from "@/ui/Section";
import { ReleaseNotes } from "./ReleaseNotes";
import { VersionCard } from "./VersionCard";

export default function UpdatePage() {
  const { t } = useTranslation(["update", "common"]);
  const client = useQueryClient();
  const update = useQuery(updateQuery);
  const check = useMutation({
    mutationFn: () => api.get<UpdateState>("/api/update/check", { force: true }),
    onSuccess: (state) => client.setQueryData(updateQuery.queryKey, state),
  });
  return (
    <>
      <PageHeader
        title={t("common:nav.update")}
        description={t("description")}
        actions={
          <Button
            variant="default"
            leftSection={<IconRefresh size={16} aria-hidden />}
            loading={check.isPending}
            onClick={() => check.mutate()}
          >
            {t("check")}
          </Button>
        }
      />
      <Loaded query={update} skeleton={<Skeleton h={150} />}>
        {(state) => (
          <Stack>
            <VersionCard state={state} />
            {state.notes && (
              <Section title={t("notes", { version: state.latest ?? state.current })}>
                <ReleaseNotes markdown={state.notes} />
              </Section>
            )}
          </Stack>
        )}
      </Loaded>
    </>
  );
}
