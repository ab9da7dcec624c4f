/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMM on a kernel that plays memory errors: what is recorded, told and decided, and that the run goes on
 * or ends as the rules say.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <salvage/ledger.h>

#include "support/check.h"

#include "fake-kernel.h"
#include "vm.h"

#define EXIT_REGISTER 0x0a010000
#define RAM           UINT64_C(0x40000000)
#define VECTORS       (RAM + 0x8000)
#define VBAR          SV_KVM_SYSREG(UINT64_C(3), 0, 12, 0, 0)
#define ESR           SV_KVM_SYSREG(UINT64_C(3), 0, 5, 2, 0)
#define PC            SV_KVM_CORE(SV_KVM_CORE_PC)
#define ELR           SV_KVM_CORE(SV_KVM_CORE_ELR_EL1)
#define PSTATE        SV_KVM_CORE(SV_KVM_CORE_PSTATE)
#define DATA_ABORT    0x92000010
#define FETCH_ABORT   0x82000010
#define FnV           0x400
#define WnR           0x40

static struct fake_kernel kernel;
static struct vmm_error error;
static char events[1 << 18], printed[1 << 16];
static char directory[] = "/tmp/salvage-memory-XXXXXX", guest_path[64], journal_path[64], ledger_path[64];
static unsigned absorbed;
static uint32_t lacks; /* a capability */

/* ldr x1, [x0], which x0 makes one of the guest's first page. */
static const uint32_t guest_words[] = {0xf9400001};

static void absorb(void *opaque)
{
	absorbed++;
}

static int run(const struct fake_run *script, const char *rule, bool salvage, const char *journal)
{
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config config = {.guest = guest_path,
				    .memory = 1 << 20,
				    .vcpus = 1,
				    .salvage = salvage,
				    .kernel = &backend,
				    .name = "the-guest",
				    .journal = journal,
				    .absorb = absorb,
				    .input = -1,
				    .output = -1};
	FILE *file = fmemopen(events, sizeof(events), "w"), *out = fmemopen(printed, sizeof(printed), "w"),
	     *before = stderr;
	struct sv_rule rules[1];
	struct sv_rule_error why;
	struct sv_rule parsed;
	int status;

	/* cmocka's own handler ends the process, which it is told of warnings too. */
	signal(SIGBUS, SIG_DFL);
	memset(events, 0, sizeof(events));
	memset(printed, 0, sizeof(printed));
	absorbed = 0;
	config.policy = (struct sv_policy){rules, 1, 0};
	if (rule) {
		assert_int_equal(sv_rule_parse(rule, strlen(rule), &parsed, &why), SV_OK);
		assert_int_equal(sv_policy_add(&config.policy, &parsed, NULL), SV_OK);
	}
	kernel.script[0] = script;
	kernel.without[0] = lacks;
	config.events = vmm_events_new(file, "vm", sizeof(events) - 1);
	stderr = out;
	status = vmm_run(&config, &error);
	stderr = before;
	vmm_events_free(config.events);
	fclose(file);
	fclose(out);
	assert_int_equal(kernel.open_fds, 0);
	assert_int_equal(kernel.mappings, 0);
	assert_int_equal(kernel.sea_enabled, salvage && kernel.nisv_enabled && !lacks);
	return status;
}

static unsigned occurrences(const char *text, const char *part)
{
	unsigned count = 0;

	while ((text = strstr(text, part))) {
		count++;
		text++;
	}
	return count;
}

static void at_load(struct fake_kernel *k, const struct sv_kvm_run *page)
{
	*fake_register(k, 0, VBAR) = VECTORS;
	*fake_register(k, 0, PC) = RAM;
	*fake_register(k, 0, PSTATE) = 0x3c5;
	*fake_register(k, 0, SV_KVM_CORE(0)) = RAM + 0x5008;
}

static void sea(struct sv_kvm_run *page, uint64_t esr, uint64_t gpa)
{
	page->arm_sea.esr = esr;
	page->arm_sea.flags = gpa ? 1 : 0;
	page->arm_sea.gva = gpa + 8;
	page->arm_sea.gpa = gpa;
}

#define FILL(name, esr, gpa)                      \
	static void name(struct sv_kvm_run *page) \
	{                                         \
		sea(page, esr, gpa);              \
	}
FILL(page_1, DATA_ABORT, RAM + 0x1000)
FILL(page_2, DATA_ABORT, RAM + 0x2000)
FILL(page_3, DATA_ABORT, RAM + 0x3000)
FILL(store, DATA_ABORT | WnR, RAM + 0x1000)
FILL(fnv, DATA_ABORT | FnV, 0)
FILL(fetch, FETCH_ABORT, RAM)

static void exit_7(struct sv_kvm_run *page)
{
	uint64_t value = 7;

	page->mmio.phys_addr = EXIT_REGISTER;
	page->mmio.len = 4;
	page->mmio.is_write = 1;
	memcpy(page->mmio.data, &value, sizeof(value));
}

static void memory_fault(struct sv_kvm_run *page)
{
	page->memory_fault.flags = 0;
	page->memory_fault.gpa = RAM + 0x1000;
	page->memory_fault.size = 0x1000;
}

static void send(int code, uint64_t gpa)
{
	siginfo_t info = {.si_signo = SIGBUS, .si_code = code};

	info.si_addr = (char *)(uintptr_t)kernel.ram_host + (gpa - RAM);
	info.si_addr_lsb = 12;
	assert_int_equal(syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGBUS, &info), 0);
}

static void required(struct sv_kvm_run *page)
{
	send(BUS_MCEERR_AR, RAM + 0x1000);
}

static void warning(struct sv_kvm_run *page)
{
	send(BUS_MCEERR_AO, RAM + 0x1000);
}

#define SEA(filler)                                                            \
	{                                                                      \
		.reason = SV_KVM_EXIT_ARM_SEA, .fill = filler, .look = at_load \
	}
#define EXIT                                               \
	{                                                  \
		.reason = SV_KVM_EXIT_MMIO, .fill = exit_7 \
	}
#define BLOCK                    \
	{                        \
		.rc = FAKE_BLOCK \
	}

static void count_page(void *opaque, const struct sv_ledger_page *page)
{
	assert_string_equal(page->name, "the-guest");
	*(unsigned *)opaque += page->kind == SV_RAS_BY_GPA;
}

static unsigned pages_in_ledger(void)
{
	struct sv_absorption result;
	struct sv_ledger *ledger;
	unsigned pages = 0;
	char text[256];

	assert_int_equal(sv_ledger_open(ledger_path, SV_LEDGER_WRITE, &ledger, text, sizeof(text)), SV_OK);
	assert_int_equal(sv_ledger_absorb(ledger, journal_path, &result), SV_OK);
	assert_int_equal(sv_ledger_pages(ledger, NULL, count_page, &pages), SV_OK);
	sv_ledger_close(ledger);
	return pages;
}

/* On disk before KVM_RUN is called again: the journal is read as another process would. */
static void is_on_disk(struct fake_kernel *k, const struct sv_kvm_run *page)
{
	assert_int_equal(pages_in_ledger(), 1);
	at_load(k, page);
}

/* Three pages, one of them twice: three poison events, each with its abort's number; the guest goes on. */
static void three_pages(void **state)
{
	static const struct fake_run script[] = {
		SEA(page_1), {.reason = SV_KVM_EXIT_ARM_SEA, .fill = page_2, .look = is_on_disk},
		SEA(page_2), SEA(page_3),
		EXIT,        BLOCK};

	static const struct fake_run again[] = {SEA(page_1), SEA(page_2), SEA(page_1), SEA(page_3), BLOCK};

	assert_int_equal(run(script, NULL, true, journal_path), 7);
	assert_string_equal(error.text, "");
	assert_int_equal(kernel.injections, 4);
	assert_int_equal(occurrences(events, "\"event\":\"poison\""), 3);
	assert_int_equal(occurrences(events, "\"event\":\"abort\""), 4);
	assert_int_equal(occurrences(printed, "\n"), 3);
	assert_non_null(strstr(printed, "memory error (sea-data, vcpu 0, pc 0x40000000): the guest's page at "
					"0x40001000 (virtual 0x40001008) is bad; 1 distinct page by now\n"));
	assert_non_null(strstr(events, "\"seq\":0,"));
	assert_non_null(strstr(events,
			       "\"event\":\"poison\",\"source\":\"sea-data\",\"gpa\":\"0x40001000\",\"gva\":"
			       "\"0x40001008\",\"esr\":\"0x92000010\",\"pc\":\"0x40000000\",\"inferred\":"
			       "false,\"distinct\":1,\"count\":1,\"verdict\":\"injected\",\"rule\":"
			       "\"default sea=inject\",\"durable\":true,\"abort\":0}"));
	assert_non_null(strstr(events, "\"distinct\":2,"));
	assert_non_null(strstr(events, "\"distinct\":3,"));
	assert_non_null(strstr(events, "\"cause\":\"sea\""));
	assert_non_null(strstr(events, "\"text\":\"ldr x1, [x0]\""));
	assert_true(absorbed >= 1);
	assert_int_equal(pages_in_ledger(), 3);
	/* A cold start begins anew; the ledger keeps both. */
	assert_int_equal(run(again, "sea:3=stop", true, NULL), 103);
	assert_null(strstr(events, "\"durable\":true"));
}

/* Every source times every rule: status, events, injections. */
static void sources_and_rules(void **state)
{
	static const struct {
		const char *name;
		struct fake_run run;
		const char *source;
		bool poison; /* the cause */
		int injections, sets;
	} sources[] = {
		{"load", SEA(page_1), "sea-data", false, 1, 0},
		{"store", SEA(store), "sea-data", false, 0, 1},
		{"fnv", SEA(fnv), "sea-data", false, 0, 1},
		{"fetch", SEA(fetch), "sea-insn", false, 0, 1},
		{"signal",
		 {.rc = -EINTR, .reason = SV_KVM_EXIT_INTR, .fill = required, .look = at_load},
		 "sigbus-ar",
		 true,
		 1,
		 0},
		{"memory fault",
		 {.rc = -EHWPOISON,
		  .reason = SV_KVM_EXIT_MEMORY_FAULT,
		  .fill = memory_fault,
		  .look = at_load},
		 "memory-fault",
		 true,
		 1,
		 0},
		{"hwpoison", {.rc = -EHWPOISON, .look = at_load}, "hwpoison", true, 1, 0},
	};
	static const struct {
		const char *rule;
		int sea, poison; /* statuses; 7: the guest goes on */
	} rules[] = {
		{NULL, 7, 7},
		{"sea=inject", 7, 7},
		{"sea=stop", 103, 7},
		{"sea=restart", 104, 7},
		{"sea=dump", 103, 7},
		{"sea=observe", 7, 7},
		{"poison=stop", 7, 103},
		{"poison=restart", 7, 104},
		{"poison=dump", 7, 103},
		{"poison=observe", 7, 105},
		{"observe", 7, 105},
		{"sea:1=restart", 104, 104},
		{"sea:1=stop", 103, 103},
		{"sea:1=dump", 103, 103},
		{"sea:2=restart", 7, 7},
	};

	for (size_t i = 0; i < COUNT(sources); i++)
		for (size_t j = 0; j < COUNT(rules); j++) {
			const struct fake_run script[] = {sources[i].run, EXIT, BLOCK};
			int wanted = sources[i].poison ? rules[j].poison : rules[j].sea, status;
			bool observes = rules[j].rule && strstr(rules[j].rule, "observe") &&
					!sources[i].poison && strcmp(rules[j].rule, "poison=observe");
			char name[80], part[80];

			snprintf(name, sizeof(name), "%s, %s", sources[i].name,
				 rules[j].rule ? rules[j].rule : "no rule");
			status = run(script, rules[j].rule, true, NULL);
			check(name, status == wanted);
			check(name, occurrences(events, "\"event\":\"poison\"") == 1);
			check(name, occurrences(events, "\"event\":\"abort\"") == 1);
			snprintf(part, sizeof(part), "\"source\":\"%s\"", sources[i].source);
			check(name, strstr(events, part));
			check(name, strstr(events,
					   sources[i].poison ? "\"cause\":\"poison\"" : "\"cause\":\"sea\""));
			check(name, kernel.serrors == (observes ? 1 : 0));
			if (wanted == 7 && !observes)
				check(name, kernel.injections == sources[i].injections &&
						    !*fake_register(&kernel, 0, ESR) == !sources[i].sets);
			else
				check(name, !kernel.injections && !*fake_register(&kernel, 0, ESR));
			check(name, (wanted == 103 || wanted == 104) ==
					    !!strstr(events, "\"verdict\":\"stopped\",\"rule\""));
			if (strstr(rules[j].rule ? rules[j].rule : "", "dump") && wanted == 103)
				check(name, strstr(printed, "sctlr_el1") && !strstr(printed, "f9400001"));
		}
}

/* Where the guest's own tables, or the lack of them, are part of a dump. */
static void dumped(void **state)
{
	static const struct fake_run script[] = {SEA(page_1), BLOCK};

	assert_int_equal(run(script, "sea=dump", true, NULL), 103);
	assert_non_null(strstr(printed, "address 0x0000000040001008, by the guest's tables:\n"
					"  ipa 0x0000000040001008, mapped to "));
	assert_non_null(strstr(printed, "x30"));
}

/* The early warning comes to whatever thread; the keeper hears it, and the run goes on or ends. */
static void until_recorded(struct fake_kernel *k, const struct sv_kvm_run *page)
{
	/* The keeper looks several times a second. */
	for (unsigned i = 0; i < 600 && !strstr(events, "sigbus-ao"); i++)
		usleep(100000);
}

static void warnings(void **state)
{
	static const struct {
		const char *rule;
		int status;
		const char *verdict;
	} cases[] = {
		{NULL, 7, "recorded"},
		{"sea=stop", 7, "recorded"},
		{"poison=inject", 7, "recorded"},
		{"poison=stop", 103, "stopped"},
		{"poison=restart", 104, "stopped"},
		{"sea:1=restart", 104, "stopped"},
		{"observe", 7, "recorded"},
	};
	static const struct fake_run goes_on[] = {
		{.rc = -EINTR, .fill = warning},
		{.reason = SV_KVM_EXIT_MMIO, .fill = exit_7, .look = until_recorded},
		BLOCK};
	static const struct fake_run ends[] = {{.rc = -EINTR, .fill = warning}, BLOCK};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *name = cases[i].rule ? cases[i].rule : "no rule";
		char part[64];

		check(name, run(cases[i].status == 7 ? goes_on : ends, cases[i].rule, true, NULL) ==
				    cases[i].status);
		snprintf(part, sizeof(part), "\"verdict\":\"%s\"", cases[i].verdict);
		check(name, strstr(events, "\"vcpu\":null,\"event\":\"poison\",\"source\":\"sigbus-ao\","
					   "\"gpa\":\"0x40001000\""));
		check(name, strstr(events, part));
		check(name, !strstr(events, "\"event\":\"abort\""));
		check(name, kernel.injections == 0);
	}
}

/*
 * Errors on one page, thousands of times: an event or two more, one line for people, and the guest goes on.
 */
static void one_page_for_ever(void **state)
{
	static struct fake_run script[5002];

	for (unsigned i = 0; i < 5000; i++)
		script[i] = (struct fake_run)SEA(page_1);
	script[5000] = (struct fake_run)EXIT;
	script[5001] = (struct fake_run)BLOCK;
	assert_int_equal(run(script, "sea:2=stop", true, journal_path), 7);
	assert_int_equal(kernel.injections, 5000);
	assert_int_equal(occurrences(events, "\"event\":\"poison\""), 1);
	assert_int_equal(occurrences(printed, "\n"), 1);
	assert_true(occurrences(events, "\n") < 40);
	assert_int_equal(pages_in_ledger(), 4); /* the three of the first test's start, and this one's */
}

/* In its handler the guest meets it again: the first time injected, in the end stopped. */
static void in_handler(struct fake_kernel *k, const struct sv_kvm_run *page)
{
	at_load(k, page);
	*fake_register(k, 0, PC) = VECTORS + 0x210;
	*fake_register(k, 0, ELR) = k->at[0] > 1 ? VECTORS + 0x210 : 0;
}

static void without_vectors(struct fake_kernel *k, const struct sv_kvm_run *page)
{
	at_load(k, page);
	*fake_register(k, 0, VBAR) = 0;
}

/* The page that was bad before is where the vectors are now. */
static void with_bad_vectors(struct fake_kernel *k, const struct sv_kvm_run *page)
{
	at_load(k, page);
	*fake_register(k, 0, VBAR) = RAM + 0x1800;
}

static void hopeless(void **state)
{
	static const struct fake_run bad_vectors[] = {
		SEA(page_1),
		{.reason = SV_KVM_EXIT_ARM_SEA, .fill = page_2, .look = with_bad_vectors},
		BLOCK};

	static struct fake_run nested[101];
	static const struct fake_run vectors[] = {
		{.reason = SV_KVM_EXIT_ARM_SEA, .fill = page_1, .look = without_vectors}, BLOCK};

	for (unsigned i = 0; i < 100; i++)
		nested[i] =
			(struct fake_run){.reason = SV_KVM_EXIT_ARM_SEA, .fill = page_1, .look = in_handler};
	nested[100] = (struct fake_run)BLOCK;
	assert_int_equal(run(nested, NULL, true, NULL), 103);
	assert_true(kernel.at[0] <= SV_KVM_NESTED_LIMIT + 2);
	assert_non_null(strstr(printed, "takes the same abort again and again"));
	assert_non_null(strstr(events, "\"rule\":\"nested aborts\""));
	assert_int_equal(run(bad_vectors, NULL, true, NULL), 103);
	assert_int_equal(kernel.injections, 1);
	assert_non_null(strstr(printed, "no vectors"));
	assert_int_equal(run(vectors, NULL, true, NULL), 103);
	assert_non_null(strstr(printed, "no vectors"));
	assert_int_equal(kernel.injections, 0);
}

/* Runs that cannot begin. */
static void refused(void **state)
{
	static const struct fake_run script[] = {EXIT, BLOCK};
	struct sv_ras_opening opening;
	struct sv_ras *ras;

	assert_int_equal(run(script, NULL, true, "/nonexistent/journal"), 101);
	assert_non_null(strstr(error.text, "/nonexistent"));
	assert_int_equal(run(script, "sea:5000=stop", true, NULL), 100);
	assert_non_null(strstr(error.text, "sea:5000=stop"));
	assert_int_equal(sv_ras_open(&(struct sv_ras_config){.vm = "the-guest", .journal = journal_path},
				     &ras, &opening),
			 SV_OK);
	assert_int_equal(run(script, NULL, true, journal_path), 101);
	assert_non_null(strstr(error.text, "--vm=NAME"));
	sv_ras_close(ras);
	assert_int_equal(run(script, NULL, true, journal_path), 7);
	assert_string_equal(printed, "");
	/* A kernel before 6.19: said where it matters. */
	lacks = SV_KVM_CAP_ARM_SEA_TO_USER;
	assert_int_equal(run(script, NULL, true, journal_path), 7);
	assert_non_null(strstr(printed, "no KVM_CAP_ARM_SEA_TO_USER"));
	assert_int_equal(run(script, NULL, true, NULL), 7);
	assert_string_equal(printed, "");
	lacks = 0;
	/* Without salvage nothing is opened. */
	assert_int_equal(run(script, NULL, false, "/nonexistent/journal"), 7);
	assert_int_equal(absorbed, 0);
}

static int make_files(void **state)
{
	FILE *guest;

	if (!mkdtemp(directory))
		return 1;
	snprintf(guest_path, sizeof(guest_path), "%s/guest", directory);
	snprintf(journal_path, sizeof(journal_path), "%s/ledger.1.journal", directory);
	snprintf(ledger_path, sizeof(ledger_path), "%s/ledger", directory);
	guest = fopen(guest_path, "w");
	return !guest || fwrite(guest_words, sizeof(guest_words), 1, guest) != 1 || fclose(guest);
}

static int remove_files(void **state)
{
	unlink(guest_path);
	unlink(journal_path);
	unlink(ledger_path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_pages),
		cmocka_unit_test(sources_and_rules),
		cmocka_unit_test(dumped),
		cmocka_unit_test(warnings),
		cmocka_unit_test(one_page_for_ever),
		cmocka_unit_test(hopeless),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
