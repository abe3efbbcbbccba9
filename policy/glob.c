#include "policy/glob.h"

#include <ctype.h>

/* Which bytes of a name may have become underscores, besides letters and digits. */
enum respelt { NONE, ALL_BUT_HYPHENS, ALL };

static bool
same(char pattern, char name, enum respelt how)
{
	if (pattern == '?' || pattern == name)
		return true;
	return how != NONE && name == '_' && !isalnum((unsigned char)pattern) &&
	       (how == ALL || pattern != '-');
}

static bool
match(struct str p, struct str s, enum respelt how)
{
	size_t i = 0, j = 0, star = 0, mark = 0;
	bool starred = false;

	while (j < s.n) {
		if (i < p.n && p.p[i] == '*') {
			starred = true;
			star = ++i;
			mark = j;
		} else if (i < p.n && same(p.p[i], s.p[j], how)) {
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
	return match(p, s, NONE);
}

bool
glob_match_respelt(struct str p, struct str s)
{
	return match(p, s, ALL);
}

bool
glob_match_hyphens(struct str p, struct str s)
{
	return match(p, s, ALL_BUT_HYPHENS);
}
