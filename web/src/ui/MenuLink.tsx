import { Menu, type MenuItemProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { Linked } from "./links";

/** An item of a menu as a typed router link; apart from the other links, since few pages have menus. */
export const MenuLink = createLink((props: Linked<MenuItemProps>) => <Menu.Item component="a" {...props} />);
