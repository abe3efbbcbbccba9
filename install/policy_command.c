#include "install/command.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/place.h"
#include "policy/policy.h"

int
command_policy(int argc, char **argv, struct err *e)
{
	CLEANUP(mem_freep) char *usual = place_policy(e);
	CLEANUP(pol_freep) struct policy *p = NULL;

	if (argc < 2 || argc > 3 || strcmp(argv[1], "check") != 0)
		return err_set(e, ERR_USAGE, "usage: pando-ai policy check [FILE]");
	if (usual == NULL)
		return -1;
	p = argc == 3 ? pol_load(argv[2], e) : pol_load_or_default(usual, e);
	if (p == NULL)
		return -1;
	printf("%s: good (sha256 %s)\n", pol_file(p), pol_digest(p));
	for (int a = 0; a < POL_AGENTS; a++)
		printf("  %-6s %-7s %s\n", pol_agent_name((enum pol_agent)a),
			pol_mode_name(pol_mode_of(p, (enum pol_agent)a)),
			pol_upstream(p, (enum pol_agent)a));
	return 0;
}
