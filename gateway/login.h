#ifndef GATEWAY_LOGIN_H
#define GATEWAY_LOGIN_H

/*
 * Which login a request carries, and so which provider gets it. Pure.
 *
 *   claude  x-api-key, Authorization: Bearer KEY | TOKEN | sk-ant-oat..., or both fields (an
 *           apiKeyHelper adds the second one)                     -> anthropic_upstream
 *   codex   Authorization: Bearer KEY                             -> openai_upstream
 *           Authorization: Bearer JWT, chatgpt-account-id: ID     -> chatgpt_upstream
 *
 * Measured with claude 2.1.329 and codex 0.169.0. A key that by its form or company is not
 * one of the provider's is refused and so never leaves this machine. Values are looked at,
 * never kept and never part of an error.
 */

#include "base/buf.h"
#include "base/err.h"
#include "gateway/route.h"
#include "policy/policy.h"

/* head: "Name: value\n" lines. -1: logins that do not belong together, or not to this path. */
int gw_login_of(
	const struct gw_route *r, struct str head, enum pol_provider *to, struct err *e);
/* The address of the request at that provider, whose base URL it is. */
void gw_login_url(const char *base, enum pol_provider to, const struct gw_route *r,
	struct buf *url);

#endif
