import { Anchor, Typography } from "@mantine/core";
import Markdown, { type Components } from "react-markdown";
import classes from "./ReleaseNotes.module.css";

/** The card's own heading is the second level: those of the notes come below it. */
const COMPONENTS: Components = {
  h1: ({ children }) => <h3>{children}</h3>,
  h2: ({ children }) => <h3>{children}</h3>,
  h3: ({ children }) => <h4>{children}</h4>,
  a: ({ href, children }) => (
    <Anchor href={href} target="_blank" rel="noreferrer" inherit>
      {children}
    </Anchor>
  ),
};

/** Markdown as elements, never as HTML; without pictures, which would be fetched from other hosts. */
export function ReleaseNotes({ markdown }: { markdown: string }) {
  return (
    <Typography fz="sm" className={classes.notes ?? ""}>
      <Markdown components={COMPONENTS} disallowedElements={["img"]} skipHtml>
        {markdown}
      </Markdown>
    </Typography>
  );
}
