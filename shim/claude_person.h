#ifndef SHIM_CLAUDE_PERSON_H
#define SHIM_CLAUDE_PERSON_H

/*
 * What of a person's own environment and settings comes along into a claude launch, and what
 * of it would send the session past the gateway. Pure.
 *
 * claude makes the "env" of its settings files its environment, over what it was started with.
 * Here only the person's own file counts, and of it only the names of a list: logins, models,
 * limits, looks. The project's files are not loaded at all. `apiKeyHelper` is a login: its
 * command is the person's, and comes along from the person's file alone.
 *
 * Measured on claude 2.1.329: tests/agents/escape_claude*.py.
 */

#include "base/json/json.h"
#include "shim/plan.h"

/* Variables that stay with claude, which drops all others of their kind. */
const struct plan_scrub *claude_scrub(bool has_gateway);

/* Adds what is carried over of the env in the person's settings to an object of texts. */
void claude_carry_env(json_t *env, const struct plan_facts *f);

/*
 * Adds the person's apiKeyHelper to settings. One that lies in the project is refused, and so
 * are it and env when the person's settings lie there.
 */
int claude_carry_helper(json_t *settings, const struct plan_facts *f, struct err *e);

/*
 * The first variable of these settings that sends model traffic elsewhere, "" and false left
 * out; NULL: none. `all`: the proxies too.
 */
const char *claude_mover_in(const json_t *env, bool proxies);

/* Switches of claude to another kind of provider; ends with NULL. */
extern const char *const claude_switches[];

#endif
