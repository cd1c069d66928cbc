import { CloseButton, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

interface Props {
  value: string | undefined;
  onChange: (value: string | undefined) => void;
  label: string;
}

/** A search that follows the typing, a moment behind it. */
export function SearchField({ value = "", onChange, label }: Props) {
  const { t } = useTranslation();
  const [text, setText] = useState(value);
  const sent = useRef(value);
  const send = (next: string) => {
    sent.current = next;
    onChange(next.trim() || undefined);
  };
  const sendLater = useDebouncedCallback(send, 300);

  // The address may change from elsewhere; what is just being typed must not be put back by it.
  useEffect(() => {
    if (value === sent.current.trim()) return;
    sent.current = value;
    setText(value);
  }, [value]);

  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={label}
      value={text}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={
        text && (
          <CloseButton
            size="sm"
            aria-label={t("action.clear")}
            onClick={() => {
              setText("");
              send("");
            }}
          />
        )
      }
      onChange={(event) => {
        setText(event.currentTarget.value);
        sendLater(event.currentTarget.value);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") send(text);
      }}
    />
  );
}
