import { Modal, Tabs } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Provider } from "@/api/types";
import { ImportKeys } from "./ImportKeys";
import { OneKey } from "./OneKey";

interface Props {
  provider: Provider;
  opened: boolean;
  onClose: () => void;
}

/** Adds one key with its name, or many at once. */
export default function AddKeys({ provider, opened, onClose }: Props) {
  const { t } = useTranslation(["keys", "common"]);
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t("add.title", { name: provider.name })}
      size="lg"
      closeButtonProps={{ "aria-label": t("common:action.close") }}
    >
      <Tabs defaultValue="many" keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="many">{t("add.many")}</Tabs.Tab>
          <Tabs.Tab value="one">{t("add.one")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="many">
          <ImportKeys provider={provider} onClose={onClose} />
        </Tabs.Panel>
        <Tabs.Panel value="one">
          <OneKey provider={provider} onClose={onClose} />
        </Tabs.Panel>
      </Tabs>
    </Modal>
  );
}
