import { Button, Group, Modal, Text } from "@mantine/core";
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";
import { useTranslation } from "react-i18next";

interface Question {
  title: string;
  body: ReactNode;
  /** The button that does it: a verb. */
  confirm: string;
  danger?: boolean;
}

type Ask = (question: Question) => Promise<boolean>;

const ConfirmContext = createContext<Ask>(() => Promise.resolve(false));

/** Asks before what cannot be undone: `if (await confirm({...})) …`. */
export const useConfirm = () => useContext(ConfirmContext);

export function ConfirmProvider({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<(Question & { answer: (yes: boolean) => void }) | null>(null);
  const [open, setOpen] = useState(false);

  const ask = useCallback<Ask>((question) => {
    setOpen(true);
    return new Promise((resolve) => setAsked({ ...question, answer: resolve }));
  }, []);

  const close = (yes: boolean) => {
    asked?.answer(yes);
    setOpen(false);
  };

  return (
    <ConfirmContext value={ask}>
      {children}
      <Modal
        opened={open}
        onClose={() => close(false)}
        title={asked?.title}
        closeButtonProps={{ "aria-label": t("action.close") }}
      >
        <Text size="sm" component="div">
          {asked?.body}
        </Text>
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={() => close(false)} data-autofocus>
            {t("action.cancel")}
          </Button>
          <Button {...(asked?.danger ? { color: "red" } : {})} onClick={() => close(true)}>
            {asked?.confirm}
          </Button>
        </Group>
      </Modal>
    </ConfirmContext>
  );
}
