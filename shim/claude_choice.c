#include "shim/claude_choice.h"

#include "shim/claude_json.h"

static const char *const keys[] = { "model", "effortLevel", "language", "outputStyle",
	"theme", "editorMode", "verbose", "preferredNotifChannel",
	"alwaysThinkingEnabled", "autoCompactEnabled", "autoMemoryEnabled",
	"prefersReducedMotion", "spinnerTipsEnabled", "showTurnDuration",
	"terminalProgressBarEnabled", "syntaxHighlightingDisabled",
	"includeGitInstructions", "respectGitignore" };
static const char *const project_keys[] = { "model", "effortLevel", "language",
	"outputStyle", "alwaysThinkingEnabled" };
/* The person's word alone, and not chosen in passing: it deletes sessions. */
static const char cleanup[] = "cleanupPeriodDays";
/* {"claude-opus-5-5": {"effortLevel": "low"}} */
static const char models[] = "modelSettings";
static const char effort[] = "effortLevel";

static json_t *
parsed(const char *text)
{
	struct err none = ERR_INIT; /* the person's file is claude's to complain about */
	json_t *all = text == NULL ? NULL : json_parse(str_of(text), &none);

	if (json_is_object(all))
		return all;
	json_decref(all);
	return json_object();
}

static void
copy(json_t *to, const char *key, json_t *value)
{
	if (value != NULL && !json_is_object(value) && !json_is_array(value))
		jset(to, key, json_incref(value));
}

static void
copy_models(json_t *to, json_t *from)
{
	json_t *out = json_object();
	const char *name;
	json_t *one;

	json_object_foreach(from, name, one)
	{
		json_t *only = json_object();

		copy(only, effort, json_object_get(one, effort));
		if (json_object_size(only) > 0)
			jset(out, name, only);
		else
			json_decref(only);
	}
	if (json_object_size(out) > 0)
		jset(to, models, out);
	else
		json_decref(out);
}

static json_t *
chosen_of(json_t *all)
{
	json_t *out = json_object();

	for (size_t i = 0; i < LEN(keys); i++)
		copy(out, keys[i], json_object_get(all, keys[i]));
	copy_models(out, json_object_get(all, models));
	return out;
}

json_t *
claude_settings_of(const char *text)
{
	CLEANUP(json_freep) json_t *all = parsed(text);
	json_t *out = chosen_of(all);

	copy(out, cleanup, json_object_get(all, cleanup));
	return out;
}

json_t *
claude_settings_of_project(const char *text)
{
	CLEANUP(json_freep) json_t *all = parsed(text);
	json_t *out = json_object();

	for (size_t i = 0; i < LEN(project_keys); i++)
		copy(out, project_keys[i], json_object_get(all, project_keys[i]));
	return out;
}

static bool
is_same(const json_t *a, const json_t *b)
{
	return a == NULL || b == NULL ? a == b : json_equal(a, b) != 0;
}

static void
apply_one(json_t *settings, const char *key, json_t *choice, json_t *harmless)
{
	json_t *now = json_object_get(harmless, key);

	if (!json_is_object(choice) ||
		!is_same(json_object_get(settings, key), json_object_get(choice, "own")))
		return;
	if (now != NULL)
		jset(settings, key, json_incref(now));
	else if (json_object_get(choice, "now") == NULL)
		(void)json_object_del(settings, key); /* absent is as good */
}

void
claude_choice_apply(json_t *settings, const char *chosen)
{
	CLEANUP(json_freep) json_t *all = parsed(chosen);
	CLEANUP(json_freep) json_t *raw = json_object();
	CLEANUP(json_freep) json_t *harmless = NULL;
	const char *key;
	json_t *choice;

	/* as wary of our own file as of the person's: it is no less exposed */
	json_object_foreach(all, key, choice)
	{
		if (json_object_get(choice, "now") != NULL)
			jset(raw, key, json_incref(json_object_get(choice, "now")));
	}
	harmless = chosen_of(raw);
	for (size_t i = 0; i < LEN(keys); i++)
		apply_one(settings, keys[i], json_object_get(all, keys[i]), harmless);
	apply_one(settings, models, json_object_get(all, models), harmless);
}

char *
claude_choice_planned(const json_t *own, const json_t *wrote)
{
	CLEANUP(json_freep)
	json_t *all = json_pack("{s:O,s:O}", "own", own, "wrote", wrote);

	return jdump(all);
}

static bool
merge_one(json_t *all, const char *key, const json_t *planned, const json_t *now)
{
	json_t *own = json_object_get(json_object_get(planned, "own"), key);
	const json_t *wrote = json_object_get(json_object_get(planned, "wrote"), key);
	json_t *is = json_object_get(now, key);
	json_t *choice;

	if (is_same(wrote, is))
		return false;
	if (is_same(own, is)) {
		(void)json_object_del(all, key); /* absent is as good */
		return true;
	}
	choice = json_object();
	if (own != NULL)
		jset(choice, "own", json_incref(own));
	if (is != NULL)
		jset(choice, "now", json_incref(is));
	jset(all, key, choice);
	return true;
}

char *
claude_choice_merge(const char *chosen, const char *planned, const char *now)
{
	CLEANUP(json_freep) json_t *all = parsed(chosen);
	CLEANUP(json_freep) json_t *plan = parsed(planned);
	CLEANUP(json_freep) json_t *raw = parsed(now);
	CLEANUP(json_freep) json_t *is = chosen_of(raw);
	bool changed = false;

	if (json_object_of(plan, "wrote") == NULL)
		return NULL;
	for (size_t i = 0; i < LEN(keys); i++)
		changed |= merge_one(all, keys[i], plan, is);
	changed |= merge_one(all, models, plan, is);
	return changed ? jdump(all) : NULL;
}
