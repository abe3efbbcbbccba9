#ifndef INSTALL_DEMO_STORY_H
#define INSTALL_DEMO_STORY_H

/* What is told in the demo: the project, the prompts, and what the stand-in model does. */

#include <stdbool.h>

#include "policy/policy.h"

#define STORY_FILE "greeting.txt"
#define STORY_TEXT "Hello from the project.\n"
#define STORY_OLD "Hello"
#define STORY_NEW "Good morning"
#define STORY_EDITED "Good morning from the project.\n"
#define STORY_SECRET_FILE "secret.txt"
#define STORY_SECRET "the-secret-that-must-stay-outside\n"
#define STORY_CANARY "canary"
#define STORY_ESCAPE "escaped"
#define STORY_INSIDE "made-inside.txt"
#define STORY_NETWORK_OPEN "network-is-open"

#define PROMPT_NATIVE "demo one: make the canary"
#define PROMPT_EDIT "demo two: edit the greeting"
#define PROMPT_SHELL "demo three: look outside"
#define PROMPT_RESTORE "demo four: break it and restore it"

enum { STORY_ARGV_MAX = 16 };

/* The provider's script (its format is in its README), yours. */
char *story_script(const char *outside);
/* The value of codex's -c model_providers.standin=..., for launches past the shim. Yours. */
char *story_codex_provider(int port);
/* The words of one launch; all borrowed. */
void story_argv(enum pol_agent a, bool supervised, const char *prompt,
	const char *provider, const char *argv[STORY_ARGV_MAX]);

#endif
