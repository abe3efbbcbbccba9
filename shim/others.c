#include "shim/others.h"

#include <ctype.h>

/* claude keeps hyphens and codex does not; other bytes are an underscore with both. */
void
others_name(struct others_name *n, enum pol_agent a, const char *own)
{
	size_t i = 0;

	n->own = own;
	n->fault = NULL;
	for (; i < OTHERS_WIRE_MAX && own[i] != '\0'; i++) {
		const unsigned char c = (unsigned char)own[i];
		const bool stays = isalnum(c) || c == '_' ||
				   (c == '-' && a == POL_CLAUDE);

		if (!stays && strchr("-. ", c) == NULL)
			n->fault =
				"its name has other characters than letters, digits, _, -, "
				". and spaces";
		n->wire[i] = stays ? own[i] : '_';
	}
	n->wire[i] = '\0';
	if (n->fault == NULL)
		n->fault = pol_server_name_fault(str_of(n->wire));
}

bool
others_are_wanted(const struct policy *pol, enum pol_agent a)
{
	return pol_mode_of(pol, a) == POL_AUDIT || pol_may_admit_servers(pol, a);
}

bool
others_is_wanted(const struct policy *pol, enum pol_agent a, const struct others_name *n)
{
	const struct str wire = str_of(n->wire);

	return !pol_is_pando(wire) &&
	       (pol_mode_of(pol, a) == POL_AUDIT || pol_admits_server(pol, a, wire));
}

void
others_note(struct words *notes, enum pol_agent a, const char *name, const char *why)
{
	CLEANUP(buf_fini) struct buf shown = BUF_INIT(PLAN_FILE_MAX);

	buf_put_json(
		&shown, str_of(name)); /* no control character reaches the terminal */
	words_addf(notes, "%s: your MCP server %s is not connected: %s",
		pol_agent_name(a), buf_text(&shown), why);
}

bool
others_is_below(const char *text, const char *root)
{
	const size_t n = strlen(root);

	for (const char *at = strstr(text, root); at != NULL; at = strstr(at + 1, root))
		if (at[n] == '/' && at[n + 1] != '\0')
			return true;
	return false;
}

const char *
others_program_fault(const char *command, const char *root)
{
	if (*command == '\0')
		return "it has no command";
	if (strchr(command, '=') != NULL)
		return "its command has a = in it";
	if (strchr(command, '/') != NULL && strchr("/$", *command) == NULL)
		return "its command is relative to a folder: name it by its whole path";
	return others_is_below(command, root) ? OTHERS_BELOW : NULL;
}

const char *
others_cwd(const struct plan_facts *f)
{
	const size_t n = strlen(f->root);
	const bool inside = strncmp(f->home, f->root, n) == 0 &&
			    (f->home[n] == '/' || f->home[n] == '\0');

	return inside ? "/" : f->home;
}
