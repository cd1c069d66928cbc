import { Button, Group, Modal, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import "@/app/moreStyles";
import type { Question } from "./confirm";

interface Props {
  question: Question;
  opened: boolean;
  onAnswer: (yes: boolean) => void;
}

export default function ConfirmDialog({ question, opened, onAnswer }: Props) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={opened}
      onClose={() => onAnswer(false)}
      title={question.title}
      closeButtonProps={{ "aria-label": t("action.close") }}
    >
      <Text size="sm" component="div">
        {question.body}
      </Text>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={() => onAnswer(false)} data-autofocus>
          {t("action.cancel")}
        </Button>
        <Button {...(question.danger ? { color: "red" } : {})} onClick={() => onAnswer(true)}>
          {question.confirm}
        </Button>
      </Group>
    </Modal>
  );
}
