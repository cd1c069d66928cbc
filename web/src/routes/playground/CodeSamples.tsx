import { Code, Group, SegmentedControl, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { CopyButton } from "@/ui/CopyButton";
import { Section } from "@/ui/Section";
import classes from "./Playground.module.css";
import { LANGUAGES, type Language, type Sample, sampleOf } from "./samples";

const NAMES: Record<Language, string> = { curl: "curl", python: "Python", typescript: "TypeScript" };

/** The same request for a program of one's own. */
export function CodeSamples({ sample }: { sample: Sample }) {
  const { t } = useTranslation("playground");
  const [language, setLanguage] = useState<Language>("curl");
  const text = sampleOf(language, sample);
  return (
    <Section title={t("code.title")}>
      <Group justify="space-between" wrap="nowrap" mb="xs">
        <SegmentedControl
          size="xs"
          aria-label={t("code.language")}
          data={LANGUAGES.map((value) => ({ value, label: NAMES[value] }))}
          value={language}
          onChange={setLanguage}
        />
        <CopyButton value={text} label={t("code.copy")} />
      </Group>
      <Code block className={classes.code ?? ""} tabIndex={0}>
        {text}
      </Code>
      <Text size="xs" c="dimmed" mt="xs">
        {t("code.key")}
      </Text>
    </Section>
  );
}
