#ifndef SHIM_CLAUDE_GIVEN_H
#define SHIM_CLAUDE_GIVEN_H

/* Settings and agents that the person gives on claude's command line. Pure. */

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/*
 * --agents: a JSON object of agents with a description, a prompt, a model, an effort and a
 * color, written anew, so that claude gets what was looked at. Yours, NULL: refused.
 */
char *claude_given_agents(const char *json, struct err *e);
bool claude_agents_have(const char *json, const char *name);

/*
 * --settings: what goes into the settings of the launch, which stand above all files of the
 * person and the project. Yours, NULL: it is no JSON object, or has a member that a launch
 * takes from nobody (claude_choice.h).
 */
char *claude_given_settings(const char *given, struct err *e);

#endif
