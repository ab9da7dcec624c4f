/* SPDX-License-Identifier: BSD-2-Clause */
/* Syndromes, and the fields they have. Expected values are worked out by hand from DDI 0487, D24.2. */
#include <inttypes.h>
#include <stdlib.h>

#include <salvage/syndrome.h>

#include "support/check.h"

/* fields: "NAME=VALUE NAME=VALUE ..." from the top down, values in hexadecimal. */
static const struct {
	enum sv_syndrome kind;
	uint64_t syndrome;
	const char *fields;
} cases[] = {
	/* stage 2 data aborts: without and with a valid instruction syndrome */
	{SV_SYNDROME_ESR, 0x92000047, "EC=24 IL=1 ISV=0 FnP=0 VNCR=0 LST=0 CM=0 S1PTW=0 WnR=1 DFSC=7"},
	{SV_SYNDROME_ESR, 0x93c08047,
	 "EC=24 IL=1 ISV=1 SAS=3 SSE=0 SRT=0 SF=1 AR=0 VNCR=0 LST=0 CM=0 S1PTW=0 WnR=1 DFSC=7"},
	{SV_SYNDROME_ESR, 0x937f4006,
	 "EC=24 IL=1 ISV=1 SAS=1 SSE=1 SRT=1f SF=0 AR=1 VNCR=0 LST=0 CM=0 S1PTW=0 WnR=0 DFSC=6"},
	{SV_SYNDROME_ESR, 0x93830007,
	 "EC=24 IL=1 ISV=1 SAS=2 SSE=0 SRT=3 SF=0 AR=0 VNCR=0 LST=0 CM=0 S1PTW=0 WnR=0 DFSC=7"},
	{SV_SYNDROME_ESR, 0x92001007, "EC=24 IL=1 ISV=0 FnP=0 VNCR=0 LST=2 CM=0 S1PTW=0 WnR=0 DFSC=7"},
	{SV_SYNDROME_ESR, 0x920001cf, "EC=24 IL=1 ISV=0 FnP=0 VNCR=0 LST=0 CM=1 S1PTW=1 WnR=1 DFSC=f"},
	/* external aborts have SET and FnV, on a walk neither */
	{SV_SYNDROME_ESR, 0x96000010,
	 "EC=25 IL=1 ISV=0 FnP=0 PFV=0 VNCR=0 SET=0 FnV=0 EA=0 CM=0 S1PTW=0 WnR=0 DFSC=10"},
	{SV_SYNDROME_ESR, 0x92001e50,
	 "EC=24 IL=1 ISV=0 FnP=0 PFV=0 VNCR=0 SET=3 FnV=1 EA=1 CM=0 S1PTW=0 WnR=1 DFSC=10"},
	{SV_SYNDROME_ESR, 0x92000217, "EC=24 IL=1 ISV=0 FnP=0 PFV=0 VNCR=0 EA=1 CM=0 S1PTW=0 WnR=0 DFSC=17"},
	{SV_SYNDROME_ESR, 0x96002021, "EC=25 IL=1 ISV=0 FnP=0 VNCR=1 CM=0 S1PTW=0 WnR=0 DFSC=21"},
	/* ISS2 shows where it is not zero */
	{SV_SYNDROME_ESR, 0x5c296000007,
	 "TnD=1 GCS=1 AssuredOnly=1 Overlay=1 Xs=2 EC=25 IL=1 ISV=0 FnP=0 VNCR=0 LST=0 CM=0 S1PTW=0 WnR=0 DFSC=7"},
	/* instruction aborts */
	{SV_SYNDROME_ESR, 0x82000087, "EC=20 IL=1 S1PTW=1 IFSC=7"},
	{SV_SYNDROME_ESR, 0x86001610, "EC=21 IL=1 PFV=0 SET=2 FnV=1 EA=1 S1PTW=0 IFSC=10"},
	{SV_SYNDROME_ESR, 0x82000047, "EC=20 IL=1 S1PTW=0 IFSC=7 RES0=40"},
	/* SError: with the fields of RAS, uncategorized, implementation defined */
	{SV_SYNDROME_ESR, 0xbe000e11, "EC=2f IL=1 IDS=0 IESB=0 AET=3 EA=1 DFSC=11"},
	{SV_SYNDROME_ESR, 0xbe000000, "EC=2f IL=1 IDS=0 DFSC=0"},
	{SV_SYNDROME_ESR, 0xbf000002, "EC=2f IL=1 IDS=1 RES0=2"},
	/* LD64B trapped, others, reserved */
	{SV_SYNDROME_ESR, 0x2a000002, "EC=a IL=1 ISS=2"},
	{SV_SYNDROME_ESR, 0x56000001, "EC=15 IL=1 ISS=1"},
	{SV_SYNDROME_ESR, 0, "EC=0 IL=0 ISS=0"},
	{SV_SYNDROME_ESR, 0xffffffff, "EC=3f IL=1 ISS=1ffffff"},
	{SV_SYNDROME_ESR, 0xff00000000000000, "EC=0 IL=0 ISS=0 RES0=ff00000000000000"},
	/* what KVM_EXIT_ARM_NISV keeps */
	{SV_SYNDROME_NISV, 0x47, "CM=0 WnR=1 DFSC=7"},
	{SV_SYNDROME_NISV, 0x14f, "CM=1 WnR=1 DFSC=f"},
	{SV_SYNDROME_NISV, 0x92000047, "CM=0 WnR=1 DFSC=7 RES0=92000000"},
};

static void fields(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[512] = "", where[32];
		struct sv_field field;
		unsigned cursor = 0;
		size_t length = 0;

		while (sv_syndrome_field(cases[i].kind, cases[i].syndrome, &cursor, &field)) {
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s=%" PRIx64,
						   length ? " " : "", field.name, field.value);
			assert_true(length < sizeof(text));
			assert_non_null(field.text);
			if (strcmp(field.name, "RES0"))
				assert_true(field.value == (cases[i].syndrome >> field.low &
							    UINT64_MAX >> (63 - (field.high - field.low))));
		}
		snprintf(where, sizeof(where), "%#" PRIx64, cases[i].syndrome);
		if (strcmp(text, cases[i].fields))
			fail_msg("%s: %s, expected %s", where, text, cases[i].fields);
		/* A finished walk stays finished. */
		assert_false(sv_syndrome_field(cases[i].kind, cases[i].syndrome, &cursor, &field));
	}
}

static const struct {
	uint64_t syndrome;
	const char *field, *text;
} meanings[] = {
	{0x92000047, "EC", "Data Abort from a lower Exception level"},
	{0x92000047, "WnR", "Caused by an instruction that writes"},
	{0x92000007, "WnR", "Caused by an instruction that reads"},
	{0x93c08047, "SAS", "Doubleword"},
	{0x93c08047, "SRT", ""},
	{0x92001010, "SET", "Uncontainable (UC)"},
	{0x92000810, "SET", "reserved"},
	{0x92001807, "LST", "ST64BV0"},
	{0xbe001811, "AET", "Corrected (CE)"},
	{0xbe001011, "AET", "reserved"},
	{0xbe000012, "DFSC", "reserved"},
	{0xfc000000, "EC", "reserved"},
	{0x2a000004, "ISS", "reserved"},
	{0x9200003f, "DFSC", "reserved"},
};

static void texts(void **state)
{
	for (size_t i = 0; i < COUNT(meanings); i++) {
		struct sv_field field = {.name = ""};
		unsigned cursor = 0;

		while (strcmp(field.name, meanings[i].field))
			assert_true(
				sv_syndrome_field(SV_SYNDROME_ESR, meanings[i].syndrome, &cursor, &field));
		if (strcmp(field.text, meanings[i].text))
			fail_msg("%#" PRIx64 " %s: \"%s\", expected \"%s\"", meanings[i].syndrome, field.name,
				 field.text, meanings[i].text);
	}
}

/* Every fault status code: its kind, and the level that its text names ('-' for none). */
static void faults(void **state)
{
	static const struct {
		uint8_t first, last;
		enum sv_fault_kind kind;
		int level; /* of the first; one more for each that follows. 9: names none */
	} ranges[] = {
		{0x00, 0x03, SV_FAULT_ADDRESS_SIZE, 0},   {0x04, 0x07, SV_FAULT_TRANSLATION, 0},
		{0x08, 0x0b, SV_FAULT_ACCESS_FLAG, 0},    {0x0c, 0x0f, SV_FAULT_PERMISSION, 0},
		{0x10, 0x10, SV_FAULT_EXTERNAL, 9},       {0x11, 0x11, SV_FAULT_TAG_CHECK, 9},
		{0x12, 0x17, SV_FAULT_EXTERNAL_WALK, -2}, {0x18, 0x18, SV_FAULT_PARITY, 9},
		{0x19, 0x1a, SV_FAULT_RESERVED, 9},       {0x1b, 0x1f, SV_FAULT_PARITY_WALK, -1},
		{0x20, 0x20, SV_FAULT_RESERVED, 9},       {0x21, 0x21, SV_FAULT_ALIGNMENT, 9},
		{0x22, 0x27, SV_FAULT_GRANULE, -2},       {0x28, 0x28, SV_FAULT_GRANULE, 9},
		{0x29, 0x29, SV_FAULT_ADDRESS_SIZE, -1},  {0x2a, 0x2b, SV_FAULT_TRANSLATION, -2},
		{0x2c, 0x2c, SV_FAULT_ADDRESS_SIZE, -2},  {0x2d, 0x2f, SV_FAULT_RESERVED, 9},
		{0x30, 0x30, SV_FAULT_TLB_CONFLICT, 9},   {0x31, 0x31, SV_FAULT_HARDWARE_UPDATE, 9},
		{0x32, 0x33, SV_FAULT_RESERVED, 9},       {0x34, 0x34, SV_FAULT_LOCKDOWN, 9},
		{0x35, 0x35, SV_FAULT_EXCLUSIVE, 9},      {0x36, 0x3c, SV_FAULT_RESERVED, 9},
		{0x3d, 0x3e, SV_FAULT_DOMAIN, 9},         {0x3f, 0x41, SV_FAULT_RESERVED, 9},
	};
	unsigned next = 0;

	for (size_t i = 0; i < COUNT(ranges); i++) {
		assert_int_equal(ranges[i].first, next);
		for (unsigned fsc = ranges[i].first; fsc <= ranges[i].last; fsc++) {
			const char *text = sv_syndrome_fault(fsc), *level = strstr(text, "level ");

			assert_int_equal(sv_syndrome_fault_kind(fsc), ranges[i].kind);
			assert_int_equal(!strcmp(text, "reserved"), ranges[i].kind == SV_FAULT_RESERVED);
			assert_int_equal(!level, ranges[i].level == 9);
			if (level)
				assert_int_equal(atoi(level + 6),
						 ranges[i].level + (int)(fsc - ranges[i].first));
		}
		next = ranges[i].last + 1u;
	}
}

/* Any value: no field is made up, none is lost. */
static void all_bits(void **state)
{
	uint64_t seed = 1;

	for (unsigned i = 0; i < 200000; i++) {
		enum sv_syndrome kind = i & 1 ? SV_SYNDROME_NISV : SV_SYNDROME_ESR;
		uint64_t value = random_next(&seed), seen = 0;
		struct sv_field field;
		unsigned cursor = 0, count = 0;

		while (sv_syndrome_field(kind, value, &cursor, &field)) {
			assert_int_equal(seen & field.value << field.low, 0);
			seen |= field.value << field.low;
			assert_true(++count < 32);
		}
		assert_true(seen == value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(texts),
		cmocka_unit_test(faults),
		cmocka_unit_test(all_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
