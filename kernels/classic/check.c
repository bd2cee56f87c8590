/* SPDX-License-Identifier: MIT */
/* A check is a sentence: "ok SUBJECT/SENTENCE" or "FAIL SUBJECT/SENTENCE: found .., expected ..". */
#include "client.h"

unsigned passed, failed;
static const char *of = "link";
static unsigned tried, wrong;
static uint32_t first_wrong;

void subject(const char *name)
{
	of = name;
	tried = wrong = 0;
}

void equal(const char *sentence, uint64_t found, uint64_t expected)
{
	if (found == expected) {
		passed++;
		print("ok %s/%s\n", of, sentence);
		return;
	}
	failed++;
	print("FAIL %s/%s: found 0x%llx, expected 0x%llx\n", of, sentence, found, expected);
}

void check(const char *sentence, int good)
{
	equal(sentence, good != 0, 1);
}

void each(int good, uint32_t which)
{
	tried++;
	if (!good && !wrong++)
		first_wrong = which;
}

void all(const char *sentence)
{
	if (wrong)
		print("  wrong: %u of %u, first 0x%x\n", wrong, tried, first_wrong);
	equal(sentence, tried ? tried - wrong : 0, tried ? tried : 1);
	tried = wrong = 0;
}
