#include "shim/claude_home.h"

#include "shim/claude_json.h"

enum { KEY_TAIL = 20 /* as much of a key as claude remembers it by */ };

/* Members of the list that are no containers; what cannot be parsed gives none. */
static json_t *
harmless(const char *from, const char *const *keys, size_t n)
{
	struct err none = ERR_INIT; /* the person's file is claude's to complain about */
	CLEANUP(json_freep) json_t *all = json_parse(str_of(from), &none);
	json_t *out = json_object();

	for (size_t i = 0; i < n; i++) {
		json_t *v = json_object_get(all, keys[i]);

		if (v != NULL && !json_is_object(v) && !json_is_array(v))
			jset(out, keys[i], json_incref(v));
	}
	return out;
}

static char *
own_settings(const struct plan_facts *f)
{
	static const char *const keys[] = { "model", "effortLevel", "language",
		"editorMode", "verbose", "alwaysThinkingEnabled", "autoCompactEnabled",
		"prefersReducedMotion", "spinnerTipsEnabled", "cleanupPeriodDays" };
	CLEANUP(json_freep) json_t *all = harmless(f->settings, keys, LEN(keys));

	return jdump(all);
}

/*
 * The dialog asks whether the project's settings, hooks and servers may run. They are not
 * loaded here, so there is nothing to ask.
 */
static void
trust(json_t *projects, const char *dir)
{
	if (dir == NULL)
		return;
	jset(projects, dir,
		json_pack("{s:b,s:b}", "hasTrustDialogAccepted", 1,
			"hasCompletedProjectOnboarding", 1));
}

/*
 * With a key and no other login claude asks on its first start whether to use the key. That
 * answer would be lost with the run's folder and be asked for each time, though there is only
 * one. Where there is a login the question is real: the key costs money that it does not.
 */
static void
answer_first_start(json_t *all, const struct plan_facts *f)
{
	const char *key = plan_env_of(f->env, "ANTHROPIC_API_KEY");
	const size_t n = key == NULL ? 0 : strlen(key);
	json_t *tail;

	if (n == 0 || f->has_login || json_object_get(all, "oauthAccount") != NULL ||
		json_object_get(all, "customApiKeyResponses") != NULL ||
		plan_env_of(f->env, "CLAUDE_CODE_OAUTH_TOKEN") != NULL)
		return;
	tail = jtext(key + (n > KEY_TAIL ? n - KEY_TAIL : 0));
	if (tail == NULL)
		return; /* a key that is not UTF-8: claude will say what it thinks of it */
	jset(all, "customApiKeyResponses",
		json_pack("{s:[o],s:[]}", "approved", tail, "rejected"));
	jset(all, "hasCompletedOnboarding", json_true());
}

static char *
own_state(const struct plan_facts *f)
{
	static const char *const keys[] = { "numStartups", "installMethod", "autoUpdates",
		"theme", "userID", "firstStartTime", "hasCompletedOnboarding",
		"lastOnboardingVersion", "lastReleaseNotesSeen", "editorMode", "verbose",
		"autoCompactEnabled", "preferredNotifChannel", "subscriptionNoticeCount",
		"hasAvailableSubscription", "shiftEnterKeyBindingInstalled",
		"optionAsMetaKeyInstalled", "hasUsedBackslashReturn" };
	static const char *const whole[] = { "oauthAccount", "customApiKeyResponses",
		"tipsHistory" };
	struct err none = ERR_INIT; /* the person's file is claude's to complain about */
	CLEANUP(json_freep) json_t *theirs = json_parse(str_of(f->state), &none);
	CLEANUP(json_freep) json_t *all = harmless(f->state, keys, LEN(keys));
	json_t *projects = json_object();

	for (size_t i = 0; i < LEN(whole); i++) {
		json_t *v = json_object_get(theirs, whole[i]);

		if (json_is_object(v))
			jset(all, whole[i], json_incref(v));
	}
	answer_first_start(all, f);
	trust(projects, f->root);
	trust(projects, f->cwd);
	trust(projects, f->git_root);
	jset(all, "projects", projects);
	return jdump(all);
}

/* "@path" ends at a space that has no backslash. */
static void
put_import(struct buf *b, const char *dir, const char *name)
{
	buf_putc(b, '@');
	for (; *dir != '\0'; dir++) {
		if (*dir == ' ')
			buf_putc(b, '\\');
		buf_putc(b, *dir);
	}
	buf_printf(b, "/%s\n", name);
}

static void
add_memory(struct plan *p, const struct plan_facts *f)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);

	if (f->has_memory)
		put_import(&b, f->own_dir, "CLAUDE.md");
	if (f->root_memory != NULL)
		buf_puts(&b, f->root_memory);
	if (b.n > 0)
		plan_add_file(p, "claude/CLAUDE.md", buf_take(&b));
}

void
claude_add_home(struct plan *p, const struct plan_facts *f)
{
	plan_add_file(p, "claude/settings.json", own_settings(f));
	plan_add_file(p, "claude/.claude.json", own_state(f));
	add_memory(p, f);
	plan_add_link(p, "claude/projects", f->own_dir, "projects");
	if (f->has_login)
		plan_add_link(
			p, "claude/.credentials.json", f->own_dir, ".credentials.json");
}
