import {
  IconAdjustments,
  IconArrowsShuffle,
  IconBrush,
  IconCloudDownload,
  IconGauge,
  IconKey,
  IconListSearch,
  IconPhoto,
  IconTerminal2,
  IconWand,
} from "@tabler/icons-react";

/** The navigation, in its groups. Names are keys of `nav` in the common texts. */
export const NAVIGATION = [
  {
    name: "observe",
    pages: [
      { to: "/admin", name: "dashboard", icon: IconGauge },
      { to: "/requests", name: "requests", icon: IconListSearch },
      { to: "/logs", name: "logs", icon: IconTerminal2 },
    ],
  },
  {
    name: "create",
    pages: [
      { to: "/playground", name: "playground", icon: IconBrush },
      { to: "/pic", name: "gallery", icon: IconPhoto },
    ],
  },
  {
    name: "operate",
    pages: [
      { to: "/channel", name: "channels", icon: IconArrowsShuffle },
      { to: "/keys", name: "keys", icon: IconKey },
      { to: "/prompt-optimizer", name: "optimizer", icon: IconWand },
    ],
  },
  {
    name: "system",
    pages: [
      { to: "/setting", name: "settings", icon: IconAdjustments },
      { to: "/update", name: "update", icon: IconCloudDownload },
    ],
  },
] as const;
