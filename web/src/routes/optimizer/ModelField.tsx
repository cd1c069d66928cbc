import { Autocomplete, Button, Group, Text } from "@mantine/core";
import { IconCloudDownload } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import type { FetchedModels, Setting } from "@/api/types";
import { useSettingTexts } from "@/ui/settings/texts";
import type { DraftState } from "@/ui/settings/useDraft";

interface Props {
  setting: Setting;
  state: DraftState;
  baseUrl: string;
  /** A key that is entered and not yet saved; else the gateway uses the one it has. */
  apiKey: string | undefined;
}

/** A model by its name, or out of the service's own list. */
export function ModelField({ setting, state, baseUrl, apiKey }: Props) {
  const { t } = useTranslation("optimizer");
  const { label } = useSettingTexts()(setting);
  const fetching = useMutation({
    mutationFn: () => api.post<FetchedModels>("/api/tools/fetch-models", { baseUrl, apiKey }),
  });
  const draft = state.draft[setting.path];
  const value = draft === undefined ? setting.value : (draft ?? "");
  const models = fetching.data?.models ?? [];
  const said =
    fetching.data && (fetching.data.ok ? t("model.found", { count: models.length }) : fetching.data.message);
  return (
    <>
      <Group gap="xs" wrap="nowrap" align="flex-start">
        <Autocomplete
          id={setting.path}
          aria-label={label}
          flex={1}
          miw={0}
          data={models}
          limit={100}
          maxDropdownHeight={320}
          value={value}
          disabled={setting.source === "env"}
          error={state.refusalOf(setting.path)}
          onChange={(next) => state.change(setting, next === "" ? null : next)}
          autoComplete="off"
          spellCheck={false}
        />
        <Button
          variant="default"
          leftSection={<IconCloudDownload size={16} aria-hidden />}
          disabled={baseUrl === ""}
          loading={fetching.isPending}
          onClick={() => fetching.mutate()}
        >
          {t("model.fetch")}
        </Button>
      </Group>
      <Text
        size="xs"
        mt={4}
        role="status"
        c={fetching.data?.ok === false ? "var(--mantine-color-error)" : "dimmed"}
      >
        {said}
      </Text>
    </>
  );
}
