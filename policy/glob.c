#include "policy/glob.h"

#include <ctype.h>

static bool
same(char pattern, char name, bool respelt)
{
	if (pattern == '?' || pattern == name)
		return true;
	return respelt && name == '_' && !isalnum((unsigned char)pattern);
}

static bool
match(struct str p, struct str s, bool respelt)
{
	size_t i = 0, j = 0, star = 0, mark = 0;
	bool starred = false;

	while (j < s.n) {
		if (i < p.n && p.p[i] == '*') {
			starred = true;
			star = ++i;
			mark = j;
		} else if (i < p.n && same(p.p[i], s.p[j], respelt)) {
			i++;
			j++;
		} else if (starred) {
			i = star;
			j = ++mark;
		} else {
			return false;
		}
	}
	while (i < p.n && p.p[i] == '*')
		i++;
	return i == p.n;
}

bool
glob_match(struct str p, struct str s)
{
	return match(p, s, false);
}

bool
glob_match_respelt(struct str p, struct str s)
{
	return match(p, s, true);
}
