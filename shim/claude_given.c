#include "shim/claude_given.h"

#include "shim/args.h"
#include "shim/claude_choice.h"
#include "shim/claude_json.h"
#include "shim/claude_options.h"

static const char agent[] = "claude";

/* --- agents -------------------------------------------------------------------------- */

static bool
is_plain_agent(const json_t *one)
{
	static const char *const keys[] = { "description", "prompt", "model", "effort",
		"color" };
	size_t known = 0;

	for (size_t i = 0; i < LEN(keys); i++) {
		const json_t *v = json_object_get(one, keys[i]);

		if (v != NULL && !json_is_string(v))
			return false;
		known += v != NULL;
	}
	return json_is_object(one) && json_object_size(one) == known;
}

char *
claude_given_agents(const char *json, struct err *e)
{
	struct err none =
		ERR_INIT; /* what is no JSON is a file's name, or claude's to tell */
	CLEANUP(json_freep) json_t *all = json_parse(str_of(json), &none);
	const char *name;
	json_t *one;

	if (!json_is_object(all)) {
		(void)args_refuse_for(agent, &claude_no_agents, e);
		return NULL;
	}
	json_object_foreach(all, name, one)
	{
		CLEANUP(mem_freep) char *which = mem_printf("--agents %s", name);
		const struct args_refusal r = { which, claude_no_agents.why,
			claude_no_agents.instead };

		if (is_plain_agent(one))
			continue;
		(void)args_refuse_for(agent, &r, e);
		return NULL;
	}
	return jdump(all);
}

bool
claude_agents_have(const char *json, const char *name)
{
	struct err none = ERR_INIT; /* it was written here */
	CLEANUP(json_freep) json_t *all = json_parse(str_of(json), &none);

	return json_object_get(all, name) != NULL;
}

/* --- settings ------------------------------------------------------------------------- */

static int
refuse_setting(const char *key, struct err *e)
{
	CLEANUP(mem_freep) char *which = mem_printf("--settings with %s", key);

	return args_refuse_for(agent,
		&(struct args_refusal){ which,
			"of settings only what chooses a model or a look goes into a "
			"supervised session",
			"leave that key out; tools and servers are said in the policy: see "
			"'pando-ai policy keys'" },
		e);
}

char *
claude_given_settings(const char *given, struct err *e)
{
	CLEANUP(json_freep) json_t *all = json_parse(str_of(given), e);
	CLEANUP(json_freep) json_t *taken = claude_settings_of(given);
	const char *key;
	json_t *v;

	if (!json_is_object(all)) {
		(void)args_refuse_for(agent,
			&(struct args_refusal){ "--settings", "it is no JSON object",
				"mend the file or the text" },
			e);
		return NULL;
	}
	(void)json_object_del(all, "$schema");
	json_object_foreach(all, key, v) if (!json_equal(v, json_object_get(taken, key)))
	{
		(void)refuse_setting(key, e);
		return NULL;
	}
	return jdump(taken);
}
