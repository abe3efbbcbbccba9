#include "policy/glob.h"

#include <ctype.h>

/* Which bytes of a name may have become underscores; or the name is a pattern itself. */
enum reading { AS_IT_IS, HYPHENS_STAY, ALL_RESPELT, AS_A_PATTERN };

static bool
same(char pattern, char name, enum reading how)
{
	if (how == AS_A_PATTERN && name == '*')
		return false;
	if (pattern == '?' || pattern == name)
		return true;
	return (how == HYPHENS_STAY || how == ALL_RESPELT) && name == '_' &&
	       !isalnum((unsigned char)pattern) && (how == ALL_RESPELT || pattern != '-');
}

/* left NULL: as many steps as it takes. */
static inline bool
match(struct str p, struct str s, enum reading how, size_t *left)
{
	size_t i = 0, j = 0, star = 0, mark = 0;
	bool starred = false;

	while (j < s.n) {
		if (left != NULL && *left == 0)
			return false;
		if (left != NULL)
			(*left)--;
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
	return match(p, s, AS_IT_IS, NULL);
}

bool
glob_match_respelt(struct str p, struct str s)
{
	return match(p, s, ALL_RESPELT, NULL);
}

bool
glob_match_hyphens(struct str p, struct str s)
{
	return match(p, s, HYPHENS_STAY, NULL);
}

bool
glob_covers(struct str wide, struct str narrow, size_t *left)
{
	return match(wide, narrow, AS_A_PATTERN, left);
}
