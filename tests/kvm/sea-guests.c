/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory errors and guests that make little of them: bad vectors, aborts in the handler, and anything at all.
 */
#include "sea-bench.h"

/* Guests that have nothing to take the abort with. */
static void vectors(void **state)
{
	static const struct {
		const char *name;
		uint64_t vbar, esr, gpa, poisoned;
		bool mmu, good;
	} cases[] = {
		{"good", VECTORS, D, DATA, 0, false, true},
		{"RES0 bits are left out", VECTORS | 0x7ff, D, DATA, 0, false, true},
		{"never set", 0, D, DATA, 0, false, false},
		{"a hole", HOLE, D, DATA, 0, false, false},
		{"above memory", RAM_BASE + RAM_PAGES * PAGE, D, DATA, 0, false, false},
		{"last page", RAM_BASE + (RAM_PAGES - 1) * PAGE, D, DATA, 0, false, true},
		{"the bad page itself", VECTORS, D, VECTORS, 0, false, false},
		{"the bad page itself, fetched", VECTORS, I, VECTORS, 0, false, false},
		{"a page that is known to be bad", VECTORS, D, DATA, VECTORS, false, false},
		{"another is known to be bad", VECTORS, D, DATA, TABLES, false, true},
		{"not mapped", VECTORS, D, DATA, 0, true, false},
		{"mapped", 0x1000, D, DATA, 0, true, true},
		{"mapped to nothing", 0x2000, D, DATA, 0, true, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *name = cases[i].name;
		const struct sv_report *report = &bench.vcpu.session.report;
		struct sv_poison *poison = sv_poison_new(4);

		setup(NULL);
		*reg_of(&bench.kernel, VBAR) = cases[i].vbar;
		bench.vcpu.poison = poison;
		if (cases[i].poisoned)
			sv_poison_add(poison, cases[i].poisoned);
		if (cases[i].mmu) {
			write_ram(TABLES, 8, (TABLES + PAGE) | 3);
			write_ram(TABLES + PAGE + 8, 8, VECTORS | 0x403);
			write_ram(TABLES + PAGE + 16, 8, HOLE | 0x403);
			*reg_of(&bench.kernel, TTBR0) = TABLES;
			*reg_of(&bench.kernel, TCR) = 34 | UINT64_C(5) << 32;
			*reg_of(&bench.kernel, SCTLR) |= 1;
		}
		sea(cases[i].esr, 1, cases[i].gpa, cases[i].gpa);
		check(name, exit_once(0, NULL) == (cases[i].good ? SV_VERDICT_RESUME : SV_VERDICT_STOP));
		if (!cases[i].good) {
			check(name,
			      report->reason == SV_REASON_VECTORS && report->ending == SV_ENDING_STOPPED);
			check(name, !bench.kernel.sets && !bench.kernel.dabts && !bench.kernel.serrors);
			check(name, !strcmp(report->rule->text, "guest's vectors"));
		}
		sv_poison_free(poison);
	}
}

/*
 * Guests as functions: where the n-th error finds them. Returns how many errors it took until the verdict was
 * STOP, or limit.
 */
static unsigned until_stop(void (*guest)(unsigned n), bool recorded, unsigned limit)
{
	struct sv_ras_opening opening;
	struct sv_ras *ras = NULL;
	unsigned n;

	setup(NULL);
	if (recorded)
		assert_int_equal(sv_ras_open(&(struct sv_ras_config){.vm = "guest", .max_pages = 64}, &ras,
					     &opening),
				 SV_OK);
	for (n = 1; n <= limit; n++) {
		struct sv_ras_answer answer;

		sea(D | WnR, 1, DATA, DATA);
		guest(n - 1);
		sv_kvm_run(&bench.vcpu);
		assert_true(sv_kvm_error(&bench.vcpu, 0, &bench.space, &bench.error));
		if (ras)
			assert_int_equal(sv_ras_record(ras, &bench.error.record, &answer), SV_OK);
		if (sv_kvm_answer(&bench.vcpu, NULL, &bench.error, ras ? &answer : NULL) == SV_VERDICT_STOP) {
			assert_int_equal(bench.vcpu.session.report.reason, SV_REASON_NESTED);
			assert_string_equal(bench.vcpu.session.report.rule->text, "nested aborts");
			break;
		}
		assert_int_equal(bench.vcpu.session.report.ending, SV_ENDING_INJECTED);
		/* By registers, so that the guest is at its vector now. */
		assert_int_equal(*reg_of(&bench.kernel, PC) & ~UINT64_C(0x7ff), VECTORS);
	}
	sv_ras_close(ras);
	return n;
}

/* The handler's first instruction that touches memory meets the bad page. */
static void in_handler(unsigned n)
{
	*reg_of(&bench.kernel, PC) = n ? VECTORS + 0x204 : CODE;
}

/* The handler of the abort in the handler is another place. */
static void in_two_handlers(unsigned n)
{
	*reg_of(&bench.kernel, PC) = VECTORS + 0x204 + 0x10 * (n % 2);
}

/* It returns to where it was, and nothing has changed. */
static void returns_in_vain(unsigned n)
{
	*reg_of(&bench.kernel, PC) = *reg_of(&bench.kernel, ELR) = CODE;
	*reg_of(&bench.kernel, PSTATE) = EL1h;
}

/* The access is left out, and comes again. */
static void skips(unsigned n)
{
	*reg_of(&bench.kernel, PC) = CODE;
	if (n)
		*reg_of(&bench.kernel, ELR) = CODE + 4;
	*reg_of(&bench.kernel, PSTATE) = EL1h;
}

/* A process that catches SIGBUS and does it again. */
static void process(unsigned n)
{
	*reg_of(&bench.kernel, PC) = *reg_of(&bench.kernel, ELR) = CODE;
	*reg_of(&bench.kernel, PSTATE) = EL0;
}

/* A kernel that looks for bad pages and returns to the same load, each time on another page. */
static void scrubber(unsigned n)
{
	returns_in_vain(n);
	sea(D | WnR, 1, DATA, RAM_BASE + (RAM_PAGES + n % 48) * PAGE);
	if (n >= 48) /* by now it has seen all of them, and leaves them out */
		*reg_of(&bench.kernel, ELR) = CODE + 4;
}

/* Nested a little less often than would stop it, then fine, over and over. */
static void almost(unsigned n)
{
	if (n % SV_KVM_NESTED_LIMIT)
		in_handler(n);
	else
		skips(n);
}

static void nested(void **state)
{
	static const struct {
		const char *name;
		void (*guest)(unsigned n);
		bool stops;
	} guests[] = {
		{"in its handler", in_handler, true},
		{"in two handlers", in_two_handlers, true},
		{"returns in vain", returns_in_vain, true},
		{"skips", skips, false},
		{"process", process, false},
		{"almost", almost, false},
	};

	for (size_t i = 0; i < COUNT(guests); i++)
		for (unsigned recorded = 0; recorded < 2; recorded++) {
			unsigned stopped = until_stop(guests[i].guest, recorded, 1000);

			check(guests[i].name,
			      guests[i].stops ? stopped == SV_KVM_NESTED_LIMIT + 1 : stopped == 1001);
		}
	/* Every page is new once only. */
	assert_int_equal(until_stop(scrubber, true, 1000), 1001);

	/* The vector itself: its page is inferred, and it is the vectors'. */
	setup(NULL);
	*reg_of(&bench.kernel, PC) = VECTORS + 0x200;
	sea(I | FnV, 0, 0, 0);
	assert_int_equal(exit_once(0, NULL), SV_VERDICT_STOP);
	assert_int_equal(bench.vcpu.session.report.reason, SV_REASON_VECTORS);
}

/*
 * Nothing spins and nothing is changed before it is decided, whatever a kernel and a guest come up with: one
 * call, one error, one of the endings.
 */
static void anything(void **state)
{
	static const int results[] = {0, -EINTR, -EFAULT, -EHWPOISON, -EAGAIN};
	static const uint32_t words[] = {LDR, STR, LDP, NOP, 0x19010440, 0xd50b7420, 0xffffffff};
	static const char *const rules[] = {NULL, "sea=stop", "poison=stop", "observe", "restart"};
	uint64_t seed = 20261120;
	unsigned endings[SV_ENDING_COUNT] = {0};

	for (unsigned i = 0; i < 50000; i++) {
		int rc = results[random_next(&seed) % COUNT(results)];
		unsigned told = 0;
		uint64_t bits = random_next(&seed);
		struct sv_memory_error record;

		setup(rules[random_next(&seed) % COUNT(rules)]);
		if (!i)
			watch();
		write_ram(CODE, 4, words[random_next(&seed) % COUNT(words)]);
		*reg_of(&bench.kernel, X(0)) =
			bits & 1 ? random_next(&seed) : DATA + random_next(&seed) % (2 * PAGE);
		*reg_of(&bench.kernel, PSTATE) = bits & 2 ? EL1h : bits & 4 ? EL0 : random_next(&seed);
		*reg_of(&bench.kernel, VBAR) = bits & 8 ? VECTORS : random_next(&seed);
		*reg_of(&bench.kernel, SCTLR) = bits & 0x10 ? random_next(&seed) : 0;
		*reg_of(&bench.kernel, TCR) = random_next(&seed);
		*reg_of(&bench.kernel, TTBR0) = bits & 0x20 ? TABLES : random_next(&seed);
		bench.kernel.refuses_events = bits & 0x700 ? 0 : -EINVAL;
		bench.kernel.fails_set = bits & 0x3800 ? 0 : -EINVAL;
		bench.vcpu.cpu.flags = bits & 0xc000 ? 0 : random_next(&seed) & 3;
		bench.kernel.in_run = bits & 0x10000 ? send_all : NULL;
		to_send_count = random_next(&seed) % 3;
		for (unsigned n = 0; n < to_send_count; n++)
			to_send[n] = bus(random_next(&seed) & 1 ? BUS_MCEERR_AR : BUS_MCEERR_AO,
					 bits & 0x20000 ? host_of(RAM_BASE + random_next(&seed) % (20 * PAGE))
							: (void *)(uintptr_t)random_next(&seed),
					 (int)(random_next(&seed) % 70));
		sea((bits & 0x40000 ? D : I) ^ (random_next(&seed) & 0x1fff), random_next(&seed) & 3,
		    random_next(&seed), random_next(&seed));
		if (bits & 0x80000)
			bench.kernel.run.exit_reason = SV_KVM_EXIT_MEMORY_FAULT;
		bench.kernel.run_result = rc;
		sv_kvm_run(&bench.vcpu);
		while (sv_kvm_error(&bench.vcpu, rc, &bench.space, &bench.error)) {
			unsigned sets = bench.kernel.sets + bench.kernel.dabts + bench.kernel.serrors;
			enum sv_verdict verdict;
			struct sv_report *report = &bench.vcpu.session.report;
			char text[512];

			assert_true(told++ <= SV_KVM_NOTES);
			verdict = sv_kvm_answer(&bench.vcpu, &bench.policy, &bench.error, NULL);
			assert_true(verdict == SV_VERDICT_RESUME || verdict == SV_VERDICT_STOP);
			assert_true(report->rule || report->ending == SV_ENDING_STOPPED);
			assert_true(report->ending != SV_ENDING_RETRIED ||
				    sets == bench.kernel.sets + bench.kernel.dabts + bench.kernel.serrors);
			assert_true(sv_report_text(report, &bench.space, text, sizeof(text)) < sizeof(text));
			endings[report->ending]++;
			assert_int_equal(sv_session_next(&bench.vcpu.session), verdict);
		}
		while (sv_kvm_warning(NULL, &record))
			;
	}
	assert_true(endings[SV_ENDING_INJECTED] && endings[SV_ENDING_STOPPED] &&
		    endings[SV_ENDING_OBSERVED] && endings[SV_ENDING_RETRIED]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(nested),
		cmocka_unit_test(anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
