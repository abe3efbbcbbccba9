#ifndef SHIM_CLAUDE_CHOICE_H
#define SHIM_CLAUDE_CHOICE_H

/*
 * Which settings of claude a launch may have, and those that the person chooses inside of a
 * session: /model, /effort, /theme and /config write to settings.json of the private folder
 * (2.1.329), "saved as your default for new sessions", and that folder ends with the run. The
 * person's own file is not ours to write, so a choice is kept in a file of ours, together with
 * what the person's own file said then. It holds until that changes. Pure.
 *
 *   {"model": {"own": "opus", "now": "sonnet"}}    an absent member: not set
 */

#include "base/json/json.h"

/* Where the run's folder says what its settings were made of; a name below claude/. */
#define CLAUDE_PLANNED "pando-planned.json"

/* The settings of a file that no program, tool or address comes from. NULL text: none. Yours. */
json_t *claude_settings_of(const char *text);
/* A project's: model and style only. */
json_t *claude_settings_of_project(const char *text);

/* Changes settings, which are the person's own, to what was chosen while they were the same. */
void claude_choice_apply(json_t *settings, const char *chosen);

/* For CLAUDE_PLANNED: the person's own settings, and those that the session started with. */
char *claude_choice_planned(const json_t *own, const json_t *wrote);

/*
 * After a session: the new text of the file of choices; NULL: nothing was chosen. Texts that
 * cannot be parsed hold nothing.
 */
char *claude_choice_merge(const char *chosen, const char *planned, const char *now);

#endif
