/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom people are told of: the first of each kind, and never more than a page of them. */
#include "support/check.h"

#include "notices.h"

static struct vmm_notices notices;

static void kinds(void **state)
{
	static const struct {
		struct sv_report report;
		bool new;
	} cases[] = {
		{{.cause = SV_CAUSE_HOLE, .reason = SV_REASON_HOLE, .ending = SV_ENDING_INJECTED}, true},
		{{.cause = SV_CAUSE_HOLE, .reason = SV_REASON_HOLE, .ending = SV_ENDING_INJECTED}, false},
		/* Elsewhere is nothing new, unless the guest was told of something there. */
		{{.cause = SV_CAUSE_HOLE,
		  .reason = SV_REASON_HOLE,
		  .ending = SV_ENDING_INJECTED,
		  .pc = 4,
		  .ipa = 8},
		 false},
		{{.cause = SV_CAUSE_HOLE,
		  .reason = SV_REASON_HOLE,
		  .ending = SV_ENDING_INJECTED,
		  .node = "/a@1"},
		 false},
		{{.cause = SV_CAUSE_HOLE,
		  .reason = SV_REASON_HOLE,
		  .ending = SV_ENDING_INJECTED,
		  .node = "/a@1",
		  .node_here = true},
		 true},
		{{.cause = SV_CAUSE_HOLE,
		  .reason = SV_REASON_HOLE,
		  .ending = SV_ENDING_INJECTED,
		  .node = "/b@2",
		  .node_here = true},
		 true},
		{{.cause = SV_CAUSE_HOLE,
		  .reason = SV_REASON_HOLE,
		  .ending = SV_ENDING_INJECTED,
		  .node = "/a@1",
		  .node_here = true},
		 false},
		{{.cause = SV_CAUSE_HOLE, .reason = SV_REASON_HOLE, .ending = SV_ENDING_STOPPED}, true},
		{{.cause = SV_CAUSE_NISV, .reason = SV_REASON_HOLE, .ending = SV_ENDING_INJECTED}, true},
		{{.cause = SV_CAUSE_HOLE, .reason = SV_REASON_WINDOW, .ending = SV_ENDING_INJECTED}, true},
		{{.cause = SV_CAUSE_HOLE, .reason = SV_REASON_WINDOW, .ending = SV_ENDING_INJECTED}, false},
	};

	vmm_notices_init(&notices);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char name[16];

		snprintf(name, sizeof(name), "case %zu", i);
		check(name, vmm_notices_new(&notices, &cases[i].report) == cases[i].new);
	}
	assert_int_equal(notices.untold, 0);
}

static void bound(void **state)
{
	unsigned told = 0;

	vmm_notices_init(&notices);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 1000; i++) {
			char node[32];
			struct sv_report report = {.cause = SV_CAUSE_HOLE, .node = node, .node_here = true};

			snprintf(node, sizeof(node), "/device@%x", i);
			told += vmm_notices_new(&notices, &report);
		}
	assert_int_equal(told, VMM_NOTICES);
	assert_int_equal(notices.untold, 3 * (1000 - VMM_NOTICES));
}

static void *hammer(void *opaque)
{
	const struct sv_report report = {.cause = SV_CAUSE_HOLE};
	uintptr_t told = 0;

	for (unsigned i = 0; i < 1000; i++)
		told += vmm_notices_new(opaque, &report);
	return (void *)told;
}

static void threads(void **state)
{
	pthread_t thread[4];
	uintptr_t sum = 0;
	void *told;

	vmm_notices_init(&notices);
	for (size_t i = 0; i < COUNT(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, hammer, &notices), 0);
	for (size_t i = 0; i < COUNT(thread); i++) {
		pthread_join(thread[i], &told);
		sum += (uintptr_t)told;
	}
	assert_int_equal(sum, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(bound),
		cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
