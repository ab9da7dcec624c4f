/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole exceptions: every kind from every level, as numbers that the Arm ARM's tables give, and what no CPU
 * would report.
 */
#include <salvage/except.h>
#include <salvage/mmu.h>
#include <salvage/regs.h>
#include <salvage/syndrome.h>

#include "support/check.h"

#define VA   UINT64_C(0xffff800012345678)
#define OLD  UINT64_C(0x0ddba11) /* what FAR_EL1 held */
#define EASE (UINT64_C(1) << 5)

#define DATA        SV_EXCEPTION_DATA_EXTERNAL
#define INSTRUCTION SV_EXCEPTION_INSTRUCTION_EXTERNAL
#define DATA1       SV_EXCEPTION_DATA_STAGE1
#define FETCH1      SV_EXCEPTION_INSTRUCTION_STAGE1
#define ALIGNMENT   SV_EXCEPTION_ALIGNMENT
#define ATOMIC      SV_EXCEPTION_UNSUPPORTED_ATOMIC
#define SERROR      SV_EXCEPTION_SERROR

/* Syndromes from EL0 and from EL1, FAR_EL1 afterwards, and whether EASE sends it to the SError vector. */
static const struct {
	const char *name;
	struct sv_injection injection;
	uint64_t esr_el0, esr_el1, far;
	bool ease;
} cases[] = {
	{"data", {DATA, 0x10, .va = VA}, 0x92000010, 0x96000010, VA, true},
	{"data, exact", {DATA, 0x10, .va = VA, .va_exact = true}, 0x92000010, 0x96000010, VA, true},
	{"data, write", {DATA, 0x10, .write = true, .va = VA}, 0x92000050, 0x96000050, VA, true},
	{"data, cache maintenance", {DATA, 0x10, .cm = true, .va = VA}, 0x92000150, 0x96000150, VA, true},
	{"data, FnV", {DATA, 0x10, .fnv = true, .va = VA}, 0x92000410, 0x96000410, 0, true},
	{"data, UC", {DATA, 0x10, .set = 2, .va = VA}, 0x92001010, 0x96001010, VA, true},
	{"data, UEO", {DATA, 0x10, .set = 3, .va = VA}, 0x92001810, 0x96001810, VA, true},
	{"data, everything",
	 {DATA, 0x10, .set = 3, .write = true, .cm = true, .fnv = true},
	 0x92001d50,
	 0x96001d50,
	 0,
	 true},
	{"data, on a walk, level -1", {DATA, 0x13, .va = VA}, 0x92000013, 0x96000013, VA, true},
	{"data, on a walk, level 0", {DATA, 0x14, .va = VA}, 0x92000014, 0x96000014, VA, true},
	{"data, on a walk, level 3", {DATA, 0x17, .write = true, .va = VA}, 0x92000057, 0x96000057, VA, true},
	{"data, parity", {DATA, 0x18, .va = VA}, 0x92000018, 0x96000018, VA, true},
	{"data, parity on a walk", {DATA, 0x1f, .va = VA}, 0x9200001f, 0x9600001f, VA, true},
	{"instruction", {INSTRUCTION, 0x10, .va = VA}, 0x82000010, 0x86000010, VA, true},
	{"instruction, FnV", {INSTRUCTION, 0x10, .fnv = true}, 0x82000410, 0x86000410, 0, true},
	{"instruction, UC", {INSTRUCTION, 0x10, .set = 2, .va = VA}, 0x82001010, 0x86001010, VA, true},
	{"instruction, on a walk", {INSTRUCTION, 0x15, .va = VA}, 0x82000015, 0x86000015, VA, true},
	{"translation", {DATA1, 0x07, .va = VA, .va_exact = true}, 0x92000007, 0x96000007, VA},
	{"translation, write",
	 {DATA1, 0x04, .write = true, .va = VA, .va_exact = true},
	 0x92000044,
	 0x96000044,
	 VA},
	{"translation, cache maintenance",
	 {DATA1, 0x05, .cm = true, .va = VA, .va_exact = true},
	 0x92000145,
	 0x96000145,
	 VA},
	{"translation, level -1", {DATA1, 0x2b, .va = VA, .va_exact = true}, 0x9200002b, 0x9600002b, VA},
	{"address size, level -1", {DATA1, 0x29, .va = VA, .va_exact = true}, 0x92000029, 0x96000029, VA},
	{"address size", {DATA1, 0x00, .va = VA, .va_exact = true}, 0x92000000, 0x96000000, VA},
	{"access flag", {DATA1, 0x0b, .va = VA, .va_exact = true}, 0x9200000b, 0x9600000b, VA},
	{"permission", {DATA1, 0x0f, .write = true, .va = VA, .va_exact = true}, 0x9200004f, 0x9600004f, VA},
	{"fetch, translation", {FETCH1, 0x06, .va = VA, .va_exact = true}, 0x82000006, 0x86000006, VA},
	{"fetch, permission", {FETCH1, 0x0e, .va = VA, .va_exact = true}, 0x8200000e, 0x8600000e, VA},
	{"fetch, level -1", {FETCH1, 0x2b, .va = VA, .va_exact = true}, 0x8200002b, 0x8600002b, VA},
	{"alignment", {ALIGNMENT, 0x21, .va = VA, .va_exact = true}, 0x92000021, 0x96000021, VA},
	{"alignment, write",
	 {ALIGNMENT, 0x21, .write = true, .va = VA, .va_exact = true},
	 0x92000061,
	 0x96000061,
	 VA},
	{"atomic", {ATOMIC, 0x35, .va = VA, .va_exact = true}, 0x92000035, 0x96000035, VA},
	{"atomic, write",
	 {ATOMIC, 0x35, .write = true, .va = VA, .va_exact = true},
	 0x92000075,
	 0x96000075,
	 VA},
	{"SError", {SERROR}, 0xbe000000, 0xbe000000, OLD, true},
	{"SError with ISS", {SERROR, .has_iss = true, .iss = 0x11}, 0xbe000011, 0xbe000011, OLD, true},
	{"SError, all of ISS",
	 {SERROR, .has_iss = true, .iss = 0x1ffffff},
	 0xbfffffff,
	 0xbfffffff,
	 OLD,
	 true},
};

/* From EL0, EL1t, EL1h; without features, with all, with EASE but not the feature, with EASE. */
static void all_kinds(void **state)
{
	static const struct {
		uint64_t pstate, row;
	} levels[] = {{0x0, 0x400}, {0x4, 0x000}, {0x5, 0x200}};
	static const struct {
		unsigned features;
		uint64_t sctlr2;
	} cpus[] = {
		{SV_EXCEPT_RAS, 0}, {SV_EXCEPT_RAS, ~UINT64_C(0)}, {0xff, 0}, {0xff, ~EASE}, {0xff, EASE},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t level = 0; level < COUNT(levels); level++)
			for (size_t cpu = 0; cpu < COUNT(cpus); cpu++) {
				struct sv_entry entry = {.sctlr2_el1 = cpus[cpu].sctlr2,
							 .vbar_el1 = 0x8000,
							 .pc = 0x1234,
							 .pstate = levels[level].pstate,
							 .far_el1 = OLD},
						entered = entry;
				bool ease = cpus[cpu].features & SV_EXCEPT_DF2 && cpus[cpu].sctlr2 == EASE;
				bool serror = cases[i].injection.kind == SERROR || (ease && cases[i].ease);
				uint64_t esr = level ? cases[i].esr_el1 : cases[i].esr_el0;

				check(cases[i].name, sv_injection_check(&cases[i].injection) == SV_OK);
				check(cases[i].name, sv_exception_take(&entry, &cases[i].injection,
								       cpus[cpu].features) == SV_OK);
				if (entry.esr_el1 != esr)
					fail_msg("%s: %llx", cases[i].name,
						 (unsigned long long)entry.esr_el1);
				check(cases[i].name, entry.far_el1 == cases[i].far);
				check(cases[i].name,
				      entry.pc == 0x8000 + levels[level].row + (serror ? 0x180 : 0));
				check(cases[i].name, entry.elr_el1 == 0x1234);
				check(cases[i].name, entry.spsr_el1 == levels[level].pstate);
				/* PSTATE does not depend on which exception it is. */
				sv_exception_enter(&entered, SV_VECTOR_IRQ, cpus[cpu].features);
				check(cases[i].name, entry.pstate == entered.pstate);
			}
}

/* Contradictions. */
static const struct {
	const char *name;
	struct sv_injection injection;
} malformed[] = {
	{"no such kind", {SV_EXCEPTION_COUNT, 0x10}},
	{"no such kind", {(enum sv_exception_kind) - 1, 0x10}},
	{"fault status too long", {DATA, 0x50}},
	{"a data abort is not a translation fault", {DATA, 0x07}},
	{"nor an alignment fault", {DATA, 0x21}},
	{"level -2 is not an external abort's", {DATA, 0x12}},
	{"no external abort", {INSTRUCTION, 0x35}},
	{"0x19 is reserved", {DATA, 0x19}},
	{"0x11 is a tag check", {DATA, 0x11}},
	{"stage 1 is not external", {DATA1, 0x10, .va_exact = true}},
	{"0x28 is reserved", {DATA1, 0x28, .va_exact = true}},
	{"0x2a is level -2", {DATA1, 0x2a, .va_exact = true}},
	{"0x30 is a TLB conflict", {FETCH1, 0x30, .va_exact = true}},
	{"alignment is 0x21", {ALIGNMENT, 0x22, .va_exact = true}},
	{"fetches are aligned otherwise", {FETCH1, 0x21, .va_exact = true}},
	{"atomic is 0x35", {ATOMIC, 0x34, .va_exact = true}},
	{"SError has no fault status of its own", {SERROR, 0x10}},
	{"a fetch writes nothing", {INSTRUCTION, 0x10, .write = true}},
	{"a fetch maintains nothing", {FETCH1, 0x07, .cm = true, .va_exact = true}},
	{"an SError writes nothing", {SERROR, .write = true}},
	{"cache maintenance is not misaligned", {ALIGNMENT, 0x21, .cm = true, .va_exact = true}},
	{"cache maintenance is not atomic", {ATOMIC, 0x35, .cm = true, .va_exact = true}},
	{"SET 1 is reserved", {DATA, 0x10, .set = 1}},
	{"SET is two bits", {DATA, 0x10, .set = 4}},
	{"SET on a walk", {DATA, 0x14, .set = 2}},
	{"SET with a stage-1 fault", {DATA1, 0x07, .set = 2, .va_exact = true}},
	{"SET with an SError", {SERROR, .set = 2}},
	{"FnV on a walk", {DATA, 0x14, .fnv = true}},
	{"FnV with a stage-1 fault", {DATA1, 0x07, .fnv = true}},
	{"FnV with an alignment fault", {ALIGNMENT, 0x21, .fnv = true}},
	{"FnV with an SError", {SERROR, .fnv = true}},
	{"FnV and an address", {DATA, 0x10, .fnv = true, .va = VA, .va_exact = true}},
	{"a stage-1 fault without address", {DATA1, 0x07, .va = VA}},
	{"an alignment fault without address", {ALIGNMENT, 0x21}},
	{"an atomic without address", {ATOMIC, 0x35}},
	{"an SError with an address", {SERROR, .va_exact = true}},
	{"ISS of an abort", {DATA, 0x10, .has_iss = true}},
	{"ISS of an abort", {DATA, 0x10, .iss = 1}},
	{"ISS too long", {SERROR, .has_iss = true, .iss = 1 << 25}},
	{"ISS that is not meant", {SERROR, .iss = 1}},
};

static void contradictions(void **state)
{
	for (size_t i = 0; i < COUNT(malformed); i++) {
		struct sv_entry entry = {.pc = 1, .pstate = 5, .far_el1 = 2}, before = entry;

		check(malformed[i].name, sv_injection_check(&malformed[i].injection) == SV_MALFORMED);
		check(malformed[i].name,
		      sv_exception_take(&entry, &malformed[i].injection, 0xff) == SV_MALFORMED);
		assert_memory_equal(&entry, &before, sizeof(before));
	}
}

/* SET is RES0 without RAS; 0, which says recoverable with RAS, says nothing then. */
static void set_needs_ras(void **state)
{
	for (uint8_t set = 0; set < 4; set++) {
		struct sv_injection injection = {DATA, 0x10, .set = set};
		struct sv_entry entry = {.pstate = 5}, before = entry;

		assert_int_equal(sv_exception_take(&entry, &injection, 0xff & ~SV_EXCEPT_RAS),
				 set ? SV_MALFORMED : SV_OK);
		if (set)
			assert_memory_equal(&entry, &before, sizeof(before));
	}
}

/*
 * Of all fault status codes, each kind takes those that the names of syndrome.h allow: two tables of two
 * files, each the other's oracle.
 */
static void fault_statuses(void **state)
{
	for (unsigned fsc = 0; fsc < 0x100; fsc++) {
		enum sv_fault_kind fault = sv_syndrome_fault_kind(fsc & 0x3f);
		bool external = fault == SV_FAULT_EXTERNAL || fault == SV_FAULT_EXTERNAL_WALK ||
				fault == SV_FAULT_PARITY || fault == SV_FAULT_PARITY_WALK;
		bool stage1 = fault == SV_FAULT_ADDRESS_SIZE || fault == SV_FAULT_TRANSLATION ||
			      fault == SV_FAULT_ACCESS_FLAG || fault == SV_FAULT_PERMISSION;
		const bool expected[SV_EXCEPTION_COUNT] = {external,
							   external,
							   stage1,
							   stage1,
							   fault == SV_FAULT_ALIGNMENT,
							   fault == SV_FAULT_EXCLUSIVE,
							   fsc == 0};

		/* Level -2 exists with FEAT_D128 only. */
		if (fsc == 0x12 || fsc == 0x1a || fsc == 0x2a || fsc == 0x2c)
			continue;
		for (unsigned kind = 0; kind < SV_EXCEPTION_COUNT; kind++) {
			struct sv_injection injection = {(enum sv_exception_kind)kind, (uint8_t)fsc,
							 .va_exact = kind != SERROR};

			if ((sv_injection_check(&injection) == SV_OK) != (fsc < 0x40 && expected[kind]))
				fail_msg("kind %u, fault status 0x%x", kind, fsc);
		}
	}
}

/* What the translation says of its faults is what can be injected. */
static void stage1_codes(void **state)
{
	static const enum sv_status faults[] = {SV_ADDRESS_SIZE, SV_TRANSLATION, SV_ACCESS_FLAG,
						SV_PERMISSION};

	for (size_t i = 0; i < COUNT(faults); i++)
		for (int level = -1; level <= 3; level++) {
			unsigned fsc = sv_stage1_fsc(faults[i], level);
			struct sv_injection injection = {DATA1, (uint8_t)fsc, .va_exact = true};

			if (fsc == SV_FSC_NONE)
				continue;
			assert_int_equal(sv_injection_check(&injection), SV_OK);
			injection.kind = SV_EXCEPTION_DATA_EXTERNAL;
			assert_int_equal(sv_injection_check(&injection), SV_MALFORMED);
			injection.fsc = (uint8_t)sv_stage1_fsc(SV_FAULT, level);
			assert_int_equal(sv_injection_check(&injection), SV_OK);
		}
}

/* ISS2: why permission was denied, of stage-1 faults alone. */
static void overlays(void **state)
{
	for (unsigned kind = 0; kind < SV_EXCEPTION_COUNT; kind++)
		for (unsigned bit = 0; bit < 32; bit++) {
			static const uint8_t fscs[] = {0x10, 0x10, 0x0f, 0x0f, 0x21, 0x35, 0};
			bool stage1 =
				kind == SV_EXCEPTION_DATA_STAGE1 || kind == SV_EXCEPTION_INSTRUCTION_STAGE1;
			struct sv_injection injection = {(enum sv_exception_kind)kind, fscs[kind],
							 .va_exact = kind != SERROR,
							 .iss2 = UINT32_C(1) << bit};
			struct sv_entry entry = {.pstate = 0x3c5};
			enum sv_status status = sv_exception_take(&entry, &injection, 0);

			assert_int_equal(status, stage1 && (bit == 5 || bit == 6) ? SV_OK : SV_MALFORMED);
			if (status == SV_OK)
				assert_int_equal(entry.esr_el1 >> 32, UINT64_C(1) << bit);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kinds),     cmocka_unit_test(contradictions),
		cmocka_unit_test(set_needs_ras), cmocka_unit_test(fault_statuses),
		cmocka_unit_test(stage1_codes),  cmocka_unit_test(overlays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
