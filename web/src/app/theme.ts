import {
  type CardFactory,
  type CSSVariablesResolver,
  createTheme,
  type DrawerFactory,
  type ExtendComponent,
  type FactoryPayload,
  type MantineColorsTuple,
  type MenuFactory,
  type ModalFactory,
  type TooltipFactory,
} from "@mantine/core";

/** Greys with a little blue in them, so that cards lift off the page without a shadow. */
const dark: MantineColorsTuple = [
  "#d8dce4",
  "#b9bfcb",
  "#9aa2b1",
  "#6b7382",
  "#414856",
  "#323843",
  "#282d37",
  "#1d2129",
  "#15181e",
  "#0f1115",
];

const brand: MantineColorsTuple = [
  "#eef0ff",
  "#dcdffb",
  "#b6bbf3",
  "#8e95ec",
  "#6c74e5",
  "#575fe1",
  "#4b53dd",
  "#3c44c5",
  "#343cb1",
  "#29329c",
];

/** The head of a dialog is a `<header>`, which would be a second banner of the page. */
const NO_LANDMARK = { role: "none" };

/** What `Component.extend` does, without the component: most pages begin without dialogs and menus. */
const extend = <Payload extends FactoryPayload>(input: ExtendComponent<Payload>) => input;

export const theme = createTheme({
  colors: { dark, brand },
  primaryColor: "brand",
  primaryShade: { light: 6, dark: 5 },
  defaultRadius: "md",
  fontFamily:
    'Inter, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, monospace',
  headings: {
    fontWeight: "650",
    sizes: {
      h1: { fontSize: "1.5rem", lineHeight: "1.3" },
      h2: { fontSize: "1.0625rem", lineHeight: "1.4" },
    },
  },
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Card: extend<CardFactory>({ defaultProps: { withBorder: true, padding: "md" } }),
    // An element without a role has no place in a menu; the first item takes the focus.
    Menu: extend<MenuFactory>({ defaultProps: { withInitialFocusPlaceholder: false } }),
    Modal: extend<ModalFactory>({
      defaultProps: {
        centered: true,
        overlayProps: { backgroundOpacity: 0.45, blur: 2 },
        attributes: { header: NO_LANDMARK },
      },
      styles: { title: { fontWeight: 600 } },
    }),
    Drawer: extend<DrawerFactory>({
      defaultProps: { attributes: { header: NO_LANDMARK } },
      styles: { title: { fontWeight: 600 } },
    }),
    Tooltip: extend<TooltipFactory>({
      defaultProps: { withArrow: true, openDelay: 250, events: { hover: true, focus: true, touch: true } },
    }),
  },
});

const SHADED = ["gray", "red", "orange", "yellow", "green", "teal", "blue", "brand", "grape"];

/** Quiet tints, with text on them dark (or light) enough to be read: at least 4.5 to 1. */
const tinted = (textShade: number, percent: number) =>
  Object.fromEntries(
    SHADED.flatMap((name) => [
      [
        `--mantine-color-${name}-light`,
        `color-mix(in srgb, var(--mantine-color-${name}-6) ${percent}%, var(--panel-raised))`,
      ],
      [
        `--mantine-color-${name}-light-hover`,
        `color-mix(in srgb, var(--mantine-color-${name}-6) ${percent + 6}%, var(--panel-raised))`,
      ],
      [`--mantine-color-${name}-light-color`, `var(--mantine-color-${name}-${textShade})`],
    ]),
  );

export const cssVariables: CSSVariablesResolver = () => ({
  variables: { "--panel-header-height": "56px", "--panel-navbar-width": "232px" },
  light: {
    ...tinted(9, 12),
    "--mantine-color-yellow-light-color": "#7a4d00",
    "--mantine-color-orange-light-color": "#a33b00",
    "--mantine-color-green-light-color": "#1b6b2d",
    "--mantine-color-teal-light-color": "#066649",
    "--mantine-color-gray-light-color": "var(--mantine-color-gray-8)",
    "--mantine-color-text": "#1b1f27",
    "--mantine-color-dimmed": "#5b6370",
    "--mantine-color-placeholder": "#737b88",
    "--mantine-color-anchor": "var(--mantine-color-brand-7)",
    "--mantine-color-error": "var(--mantine-color-red-9)",
    "--mantine-color-default-border": "#dfe2e8",
    "--panel-ground": "#f6f7f9",
    "--panel-raised": "#ffffff",
    "--panel-good": "#2b8a3e",
    "--panel-warning": "#e67700",
    "--panel-bad": "#e03131",
    "--panel-idle": "#adb5bd",
  },
  dark: {
    ...tinted(3, 20),
    "--mantine-color-gray-light-color": "var(--mantine-color-dark-1)",
    "--mantine-color-dimmed": "var(--mantine-color-dark-2)",
    "--mantine-color-placeholder": "#828a99",
    "--mantine-color-anchor": "var(--mantine-color-brand-3)",
    "--mantine-color-error": "var(--mantine-color-red-4)",
    "--mantine-color-default-border": "var(--mantine-color-dark-5)",
    "--panel-ground": "var(--mantine-color-dark-8)",
    "--panel-raised": "var(--mantine-color-dark-7)",
    "--panel-good": "#51cf66",
    "--panel-warning": "#fcc419",
    "--panel-bad": "#ff6b6b",
    "--panel-idle": "#6b7382",
  },
});
