import { Stack, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Fragment, lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/client";
import { configQuery } from "@/api/queries";
import { useSaveConfig } from "@/api/saveConfig";
import type { ConfigSnapshot } from "@/api/types";
import { Loaded } from "@/ui/Loaded";
import { PageHeader } from "@/ui/PageHeader";
import { SaveBar } from "@/ui/settings/SaveBar";
import { useDraft } from "@/ui/settings/useDraft";
import { toPatch } from "@/ui/settings/values";
import { FormSkeleton } from "@/ui/skeletons";
import { notifyDone, notifyError } from "@/ui/toast";
import { useLeaveGuard } from "@/ui/useLeaveGuard";
import { ConflictModal } from "./ConflictModal";
import { PortMoved } from "./PortMoved";
import { SettingSection } from "./SettingSection";
import { SECTION_NAMES, SECTIONS, TABS, type Tab, tabOf } from "./sections";

const ClientKeys = lazy(() => import("./clients/ClientKeys"));
const SecurityCards = lazy(() => import("./security/SecurityCards"));

const route = getRouteApi("/panel/setting");

export default function SettingPage() {
  const { t } = useTranslation(["setting", "common"]);
  const config = useQuery(configQuery);
  return (
    <>
      <PageHeader title={t("common:nav.settings")} description={t("description")} />
      <Loaded query={config} skeleton={<FormSkeleton fields={6} />}>
        {(snapshot) => <Settings config={snapshot} />}
      </Loaded>
    </>
  );
}

function Settings({ config }: { config: ConfigSnapshot }) {
  const { t } = useTranslation(["setting", "common"]);
  const { tab = "access" } = route.useSearch();
  const navigate = route.useNavigate();
  const state = useDraft(config.settings);
  const editing = useEditing(config, state.changed.length > 0);
  const [conflict, setConflict] = useState(false);
  const [movedTo, setMovedTo] = useState<number | null>(null);
  const saving = useSaveConfig({ quiet: true });
  useLeaveGuard(state.changed.length > 0);

  const open = (next: Tab) => navigate({ search: { tab: next }, replace: true });

  const save = (etag: string) => {
    const saved = state.draft;
    const portBefore = config.settings.find(({ path }) => path === "system.port")?.value;
    saving.mutate(
      { patch: toPatch(config.settings, saved), etag },
      {
        onSuccess: ({ port }) => {
          const moved = saved["system.port"] !== undefined && String(port) !== portBefore;
          setConflict(false);
          state.settle(saved);
          notifyDone(t("common:state.saved"));
          // Behind a proxy the panel's address has nothing to do with the gateway's port.
          if (moved && window.location.port === portBefore) setMovedTo(port);
        },
        onError: (error) => {
          setConflict(error instanceof ApiError && error.code === "changed_meanwhile");
          if (error instanceof ApiError && error.code === "changed_meanwhile") return;
          const path = state.refuse(error);
          const at = path === null ? null : tabOf(path);
          if (path === null || at === null) return notifyError(error);
          void Promise.resolve(open(at)).then(() => document.getElementById(path)?.focus());
        },
      },
    );
  };

  return (
    <>
      <Tabs
        value={tab}
        onChange={(next) => void open(TABS.find((each) => each === next) ?? "access")}
        keepMounted={false}
      >
        <Tabs.List mb="md" style={{ flexWrap: "nowrap", overflowX: "auto", overflowY: "hidden" }}>
          {TABS.map((name) => (
            <Tabs.Tab key={name} value={name} style={{ flex: "none" }}>
              {t(`tabs.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {TABS.map((name) => (
          <Tabs.Panel key={name} value={name}>
            <Stack>
              {name === "security" && (
                <Suspense fallback={<FormSkeleton fields={3} />}>
                  <SecurityCards config={config} />
                </Suspense>
              )}
              {SECTION_NAMES.filter((section) => SECTIONS[section].tab === name).map((section) => (
                <Fragment key={section}>
                  <SettingSection name={section} config={config} state={state} />
                  {section === "modes" && (
                    <Suspense fallback={<FormSkeleton fields={3} />}>
                      <ClientKeys />
                    </Suspense>
                  )}
                </Fragment>
              ))}
            </Stack>
          </Tabs.Panel>
        ))}
      </Tabs>
      <SaveBar
        count={state.changed.length}
        blocked={state.flawed}
        saving={saving.isPending}
        onDiscard={state.discard}
        onSave={() => save(editing.etag)}
      />
      <ConflictModal
        opened={conflict}
        mine={state.changed}
        theirs={editing.changedBy(config)}
        saving={saving.isPending}
        onKeepMine={() => save(config.etag)}
        onTakeTheirs={() => {
          state.discard();
          setConflict(false);
        }}
        onClose={() => setConflict(false)}
      />
      <PortMoved port={movedTo} />
    </>
  );
}

/** The configuration as it was when the first unsaved change was made. */
function useEditing(config: ConfigSnapshot, dirty: boolean) {
  const [base, setBase] = useState(config);
  if (!dirty && base !== config) setBase(config);
  return {
    etag: base.etag,
    /** What somebody else has changed since. */
    changedBy: (now: ConfigSnapshot) =>
      now.settings.filter(
        ({ path, value }) => base.settings.find((each) => each.path === path)?.value !== value,
      ),
  };
}
