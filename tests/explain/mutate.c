/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Damages logs and device trees in a seeded way and has each explained, in text and in JSON: mutate FILE...
 * Files that end in .dtb are device trees, all others logs. Passes unless something crashes, leaks, reads out
 * of bounds (under sanitizers) or breaks a bound.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/explain.h"
#include "support/check.h"

#define ROUNDS  400
#define LARGEST (64 << 10)

static uint64_t seed = 3;
static unsigned long explained, trees;

static unsigned below(size_t limit)
{
	return limit ? (unsigned)(random_next(&seed) % limit) : 0;
}

/* Bytes flipped, overwritten with numbers that matter, cut out, repeated, cut off. Returns the new length. */
static size_t damage(uint8_t *data, size_t length)
{
	static const uint32_t numbers[] = {0, 1, 2, 3, 4, 9, 0x7f, 0xff, 0x7fffffff, 0x80000000, 0xffffffff};

	for (unsigned n = 1 + below(6); n && length > 8; n--) {
		size_t at = below(length - 8), some = 1 + below(64);

		switch (below(6)) {
		case 0:
			data[at] ^= 1u << below(8);
			break;
		case 1:
			data[at] = (uint8_t)random_next(&seed);
			break;
		case 2: {
			uint32_t value = __builtin_bswap32(numbers[below(COUNT(numbers))]);

			memcpy(data + (at & ~(size_t)3), &value, sizeof(value));
			break;
		}
		case 3:
			if (at + some < length) {
				memmove(data + at, data + at + some, length - at - some);
				length -= some;
			}
			break;
		case 4:
			if (at + some < length && length + some < LARGEST) {
				memmove(data + at + some, data + at, length - at);
				length += some;
			}
			break;
		default:
			if (!below(8))
				length = at + 1;
		}
	}
	return length;
}

static void explain(const struct incident *incident, const struct vmm_tree *tree)
{
	static const struct sv_policy policy;
	struct account account;

	check("account", explain_account(incident, tree, &policy, &account));
	check("todo", account.todo_count <= ACCOUNT_TODO);
	explain_print(&account, 1, 1);
	check("json", explain_print_json(&account));
	explain_free(&account);
	explained++;
}

static void a_log(uint8_t *data, size_t length)
{
	static struct incidents incidents;
	FILE *log = fmemopen(data, length, "r");

	check("fmemopen", log && explain_log(log, &incidents));
	fclose(log);
	check("incidents", incidents.count <= EXPLAIN_INCIDENTS);
	for (size_t i = 0; i < incidents.count; i++) {
		for (const char *c = incidents.list[i].quote; *c; c++)
			check("quote", *c >= ' ' && *c < 0x7f);
		explain(&incidents.list[i], NULL);
	}
}

static void a_tree(const uint8_t *data, size_t length)
{
	static const uint64_t addresses[] = {0, 0x1000, 0x0a000000, 0x0a300000, 0x40000000, UINT64_MAX};
	int fd = memfd_create("tree", 0);
	struct vmm_tree tree;
	char path[64];

	check("memfd", fd >= 0 && write(fd, data, length) == (ssize_t)length);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!vmm_tree_load(path, &tree)) {
		trees++;
		for (size_t i = 0; i < COUNT(addresses); i++) {
			struct incident incident = {.count = 1};

			learn(&incident, FACT_NISV, 0x47);
			learn(&incident, FACT_IPA, addresses[i]);
			explain(&incident, &tree);
		}
		free(tree.fdt);
	}
	close(fd);
}

static int files;
static char **paths;

static void damaged(void **state)
{
	static uint8_t original[LARGEST], data[LARGEST];

	for (int i = 0; i < files; i++) {
		const char *end = strrchr(paths[i], '.');
		bool is_tree = end && !strcmp(end, ".dtb");
		FILE *file = fopen(paths[i], "rb");
		size_t length;

		check(paths[i], file);
		length = fread(original, 1, sizeof(original), file);
		fclose(file);
		for (unsigned round = 0; round < ROUNDS; round++) {
			size_t left;

			memcpy(data, original, length);
			left = round ? damage(data, length) : length;
			if (is_tree)
				a_tree(data, left);
			else if (left)
				a_log(data, left);
		}
	}
	/* Were all of them refused at once, the test would have tested nothing. */
	check("explained", explained > (unsigned)files * ROUNDS / 2);
	check("trees", trees > 100);
}

/* Bytes without any sense, with a message among them now and then. */
static void noise(void **state)
{
	static const char *const words[] = {"Internal error: ",
					    " [#",
					    "ESR = ",
					    "Code: (",
					    ")",
					    "PC=",
					    "pc : ",
					    "kvm [",
					    "x0",
					    "X00=",
					    "Unhandled fault: ",
					    ") at 0x",
					    "96000010",
					    "Memory failure: 0x",
					    "0x",
					    ":",
					    "\n",
					    "kvm run failed Function not implemented",
					    "Unsupported FSC: EC=",
					    "ESR_EL2="};
	static uint8_t data[20000];

	for (unsigned round = 0; round < 1000; round++) {
		size_t length = 0;

		while (length < sizeof(data) - 64) {
			const char *word = words[below(COUNT(words))];

			if (below(3)) {
				memcpy(data + length, word, strlen(word));
				length += strlen(word);
			} else {
				data[length++] = (uint8_t)random_next(&seed);
			}
		}
		a_log(data, length);
	}
}

/* A line without end, and more incidents than are kept. */
static void floods(void **state)
{
	static struct incidents incidents;
	FILE *log = tmpfile();

	check("tmpfile", log);
	for (unsigned i = 0; i < 3000000; i++)
		putc('A' + i % 26, log);
	fputs("\nkvm [1]: Data abort outside memslots with no valid syndrome info\n", log);
	rewind(log);
	check("long line", explain_log(log, &incidents));
	assert_int_equal(incidents.count, 1);
	assert_int_equal(incidents.list[0].line, 2);
	rewind(log);
	for (unsigned i = 0; i < 1000; i++)
		fprintf(log, "Unhandled fault: synchronous external abort (0x96000210) at 0x%x000\n", i + 1);
	for (unsigned i = 0; i < 1000; i++)
		fprintf(log, "Unhandled fault: synchronous external abort (0x96000210) at 0x1000\n");
	check("truncate", !fflush(log) && !ftruncate(fileno(log), ftell(log)));
	rewind(log);
	check("flood", explain_log(log, &incidents));
	assert_int_equal(incidents.count, EXPLAIN_INCIDENTS);
	assert_int_equal(incidents.more, 1000 - EXPLAIN_INCIDENTS);
	assert_int_equal(incidents.list[0].count, 1001);
	fclose(log);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged),
		cmocka_unit_test(noise),
		cmocka_unit_test(floods),
	};

	paths = argv + 1;
	files = argc - 1;
	/* cmocka reports on standard error; what is explained is not looked at here. */
	if (!freopen("/dev/null", "w", stdout))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
