import { Badge, Box, Code, Group, Stack, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { CopyButton } from "@/ui/CopyButton";
import { type Body, curl, type OpenApi, type Operation, sketch } from "./document";

const COLOURS: Record<string, string> = { GET: "blue", POST: "green", DELETE: "red" };

export function OperationTitle({ operation }: { operation: Operation }) {
  return (
    <Group gap="sm" wrap="wrap">
      <Badge color={COLOURS[operation.method] ?? "gray"} variant="light" w={76}>
        {operation.method}
      </Badge>
      <Text ff="monospace" size="sm" style={{ overflowWrap: "anywhere" }}>
        {operation.path}
      </Text>
      <Text size="sm" c="dimmed">
        {operation.summary}
      </Text>
    </Group>
  );
}

function Shape({ api, body }: { api: OpenApi; body: Body }) {
  const isJson = body.mediaType === "application/json" || body.mediaType.startsWith("multipart/");
  return (
    <Box>
      <Text size="xs" c="dimmed" ff="monospace" mb={4}>
        {body.mediaType}
      </Text>
      {isJson && (
        <Code block tabIndex={0}>
          {JSON.stringify(sketch(api, body.schema), null, 2)}
        </Code>
      )}
    </Box>
  );
}

/** What an operation takes and answers. */
export function OperationDetails({ api, operation }: { api: OpenApi; operation: Operation }) {
  const { t } = useTranslation("docs");
  const command = curl(operation, window.location.origin, api);
  return (
    <Stack gap="md">
      {operation.description && <Text size="sm">{operation.description}</Text>}
      {operation.parameters.length > 0 && (
        <Table.ScrollContainer minWidth={320}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("parameter")}</Table.Th>
                <Table.Th>{t("where")}</Table.Th>
                <Table.Th>{t("meaning")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {operation.parameters.map(({ name, in: place, required, description, schema }) => (
                <Table.Tr key={name}>
                  <Table.Td ff="monospace">
                    {name}
                    {required && (
                      <Text span c="red">
                        {" "}
                        *
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>{place}</Table.Td>
                  <Table.Td>{description || [schema?.type ?? ""].flat().join(" | ")}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {operation.bodies.length > 0 && (
        <Stack gap="xs">
          <Text fw={600} size="sm">
            {t("body")}
          </Text>
          {operation.bodies.map((body) => (
            <Shape key={body.mediaType} api={api} body={body} />
          ))}
        </Stack>
      )}
      {operation.answers.map(({ status, bodies }) => (
        <Stack gap="xs" key={status}>
          <Text fw={600} size="sm">
            {t("answer", { status })}
          </Text>
          {bodies.map((body) => (
            <Shape key={body.mediaType} api={api} body={body} />
          ))}
        </Stack>
      ))}
      <Stack gap="xs">
        <Group justify="space-between">
          <Text fw={600} size="sm">
            {t("command")}
          </Text>
          <CopyButton value={command} label={t("copy")} />
        </Group>
        <Code block tabIndex={0}>
          {command}
        </Code>
      </Stack>
    </Stack>
  );
}
