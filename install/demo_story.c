#include "install/demo_story.h"

#include "base/buf.h"

enum { SCRIPT_MAX = 16384 };

/* {"match": PROMPT, "turns": [ CALL..., [{"say": END}] ]} around the caller's turns */
static void
put_prompt(struct buf *b, const char *prompt, const char *turns, const char *end)
{
	buf_puts(b, "{\"match\":");
	buf_put_json(b, str_of(prompt));
	buf_printf(b, ",\"turns\":[%s,[{\"say\":", turns);
	buf_put_json(b, str_of(end));
	buf_puts(b, "}]]}");
}

static char *
shell_turn(const char *command)
{
	struct buf b = BUF_INIT(SCRIPT_MAX);

	buf_puts(&b,
		"[{\"call\":{\"server\":\"pando_workspace\",\"tool\":\"shell-command\","
		"\"args\":{\"command\":");
	buf_put_json(&b, str_of(command));
	buf_puts(&b, "}}}]");
	return buf_take(&b);
}

static char *
native_turn(const char *outside)
{
	return mem_printf(
		"[{\"claude\":{\"call\":{\"tool\":\"Bash\",\"args\":{\"command\":"
		"\"touch %s/" STORY_CANARY "\",\"description\":\"canary\"}}},"
		"\"codex\":{\"call\":{\"tool\":\"exec_command\",\"args\":{\"cmd\":"
		"\"touch %s/" STORY_CANARY "\"}}}}]",
		outside, outside);
}

char *
story_script(const char *outside)
{
	struct buf b = BUF_INIT(SCRIPT_MAX);
	CLEANUP(mem_freep) char *native = native_turn(outside);
	CLEANUP(mem_freep)
	char *probe = mem_printf("touch " STORY_INSIDE "; touch %s/" STORY_ESCAPE
				 "; cat %s/" STORY_SECRET_FILE
				 "; grep -qv -e '^ *lo:' -e '|' "
				 "/proc/net/dev && echo " STORY_NETWORK_OPEN "; true",
		outside, outside);
	CLEANUP(mem_freep) char *look = shell_turn(probe);
	CLEANUP(mem_freep) char *spoil = shell_turn("rm -f " STORY_FILE);
	CLEANUP(mem_freep)
	char *restore = mem_printf(
		"%s,[{\"call\":{\"server\":\"pando_workspace\",\"tool\":\"restore-files\","
		"\"args\":{\"snapshot\":{\"$match\":\"[0-9a-f]{40}\"}}}}]",
		spoil);

	buf_puts(&b, "{\"prompts\":[");
	put_prompt(&b, PROMPT_NATIVE, native, "The canary is made.");
	buf_putc(&b, ',');
	put_prompt(&b, PROMPT_EDIT,
		"[{\"call\":{\"server\":\"pando_workspace\",\"tool\":\"replace\",\"args\":{"
		"\"path\":\"" STORY_FILE "\",\"old_text\":\"" STORY_OLD
		"\",\"new_text\":\"" STORY_NEW "\"}}}]",
		"The greeting is edited.");
	buf_putc(&b, ',');
	put_prompt(&b, PROMPT_SHELL, look, "I have looked outside.");
	buf_putc(&b, ',');
	put_prompt(&b, PROMPT_RESTORE, restore, "The file is back.");
	buf_puts(&b, "],\"aux_text\":\"demo\"}");
	return buf_take(&b);
}

char *
story_codex_provider(int port)
{
	return mem_printf(
		"model_providers.standin={name=\"Stand-in\",base_url=\"http://"
		"127.0.0.1:%d/v1\",wire_api=\"responses\",env_key=\"OPENAI_API_KEY\"}",
		port);
}

/* Past the shim the agent gets all its freedom, as a careless launch would give it. */
void
story_argv(enum pol_agent a, bool supervised, const char *prompt, const char *provider,
	const char *argv[STORY_ARGV_MAX])
{
	const char *const claude_free[] = { "--allowedTools=Bash", NULL };
	const char *const codex_free[] = { "--dangerously-bypass-approvals-and-sandbox",
		"-c", "model_provider=standin", "-c", provider, NULL };
	const char *const *more = a == POL_CLAUDE ? claude_free : codex_free;
	size_t n = 0;

	argv[n++] = pol_agent_name(a);
	argv[n++] = a == POL_CLAUDE ? "-p" : "exec";
	if (a == POL_CODEX)
		argv[n++] = "--skip-git-repo-check";
	for (size_t i = 0; !supervised && more[i] != NULL; i++)
		argv[n++] = more[i];
	argv[n++] = prompt;
	argv[n] = NULL;
}
