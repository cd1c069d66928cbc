import { Button, Stack } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { lazy } from "react";
import { useTranslation } from "react-i18next";
import { configQuery } from "@/api/queries";
import { Loaded } from "@/ui/Loaded";
import { OnDemand } from "@/ui/OnDemand";
import { PageHeader } from "@/ui/PageHeader";
import { CardsSkeleton } from "@/ui/skeletons";
import { Cascade } from "./cascade/Cascade";
import { Platforms } from "./Platforms";
import { Spaces } from "./Spaces";

const AddChannel = lazy(() => import("./AddChannel"));

export default function ChannelPage() {
  const { t } = useTranslation(["channel", "common"]);
  const config = useQuery(configQuery);
  const [adding, { open, close }] = useDisclosure();
  return (
    <>
      <PageHeader
        title={t("common:nav.channels")}
        description={t("description")}
        actions={
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={open}>
            {t("add.open")}
          </Button>
        }
      />
      <Loaded query={config} skeleton={<CardsSkeleton count={6} height={230} />}>
        {(snapshot) => (
          <Stack gap="lg">
            <Cascade config={snapshot} />
            <Platforms config={snapshot} />
            {snapshot.providers.some(({ usesSpaces }) => usesSpaces) && <Spaces />}
            <OnDemand when={adding}>
              <AddChannel opened={adding} onClose={close} config={snapshot} />
            </OnDemand>
          </Stack>
        )}
      </Loaded>
    </>
  );
}
