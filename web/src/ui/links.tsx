/** Mantine's clickable things as typed router links. */
import {
  Anchor,
  type AnchorProps,
  Button,
  type ButtonProps,
  NavLink,
  type NavLinkProps,
} from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import type { Ref } from "react";

export type Linked<P> = Omit<P, "href"> & { ref?: Ref<HTMLAnchorElement> };

export const AnchorLink = createLink((props: Linked<AnchorProps>) => <Anchor {...props} />);
export const ButtonLink = createLink((props: Linked<ButtonProps>) => <Button component="a" {...props} />);
export const NavigationLink = createLink((props: Linked<NavLinkProps>) => <NavLink {...props} />);
