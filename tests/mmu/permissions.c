/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every combination of what decides a permission, against the Arm ARM's tables written down once more, as
 * text (DDI 0487, D8.4).
 */
#include "tables.h"

static const struct sv_access_kind kinds[] = {
	{0},
	{.write = true},
	{.write = true, .atomic = true},
	{.fetch = true},
};

struct expected {
	bool read, write, execute;
	bool overlay_read, overlay_write, overlay_execute; /* true where no overlay forbids it */
	bool clean;
};

/* status and ESR_EL1 of an access, in the order of AArch64.S1CheckPermissions. */
static enum sv_status outcome(const struct expected *e, struct sv_access_kind kind, uint64_t *esr)
{
	const uint64_t overlay = UINT64_C(1) << 38, dirty = UINT64_C(1) << 37, wnr = 1 << 6;
	bool reads = !kind.fetch && (!kind.write || kind.atomic), writes = kind.write;
	const uint64_t fault = 0xf;

	*esr = 0;
	if (kind.fetch && !e->overlay_execute)
		*esr = fault | overlay;
	else if (kind.fetch && !e->execute)
		*esr = fault;
	else if (reads && !e->overlay_read)
		*esr = fault | overlay;
	else if (writes && !e->overlay_write)
		*esr = fault | overlay | wnr;
	else if (reads && !e->read)
		*esr = fault;
	else if (writes && !e->write)
		*esr = fault | wnr;
	else if (writes && e->clean)
		*esr = fault | dirty | wnr;
	return *esr ? SV_PERMISSION : SV_OK;
}

static void compare(struct machine *machine, const char *name, uint64_t index, const struct expected *e,
		    bool el0, uint64_t sctlr, uint64_t pstate)
{
	for (size_t k = 0; k < COUNT(kinds); k++) {
		struct sv_access_kind kind = kinds[k];
		struct sv_translation out;
		enum sv_status status, want;
		uint64_t esr;

		kind.el0 = el0;
		want = outcome(e, kind, &esr);
		status = translate(machine, 0x1000, kind, M_ON | sctlr, pstate, &out);
		if (status != want || out.esr != esr)
			fail_msg("%s %llx, EL%d, access %zu: %s, ESR %llx, not %s, %llx", name,
				 (unsigned long long)index, !el0, k, sv_status_text(status),
				 (unsigned long long)out.esr, sv_status_text(want), (unsigned long long)esr);
		if (status)
			continue;
		check(name, out.read == (e->read && e->overlay_read));
		check(name, out.write == (e->write && e->overlay_write && !e->clean));
		check(name, out.execute == (e->execute && e->overlay_execute));
	}
}

static void direct(void **state)
{
	/* AP[2:1]: EL1, EL0. */
	static const char *const ap[4][2] = {{"rw", ""}, {"rw", "rw"}, {"r", ""}, {"r", "r"}};
	struct machine machine = {.memory = *state};
	uint64_t root = 0, entry;

	reset(&machine);
	entry = map(&machine, 12, 30, &root, 0x1000, 3, 0x5000, AF, 0);
	machine.regs[SV_TTBR0_EL1] = root;
	for (unsigned i = 0; i < 1 << 14; i++) {
		bool hd = i & 1, dbm = i & 2, uxn = i & 4, pxn = i & 8, wxn = i & 16, pan = i & 32,
		     epan = i & 64;
		unsigned tables = i >> 7 & 15, bits = i >> 11 & 3;
		bool el0 = i >> 13 & 1;
		unsigned effective = hd && dbm ? bits & 1 : bits;
		bool ur = strchr(ap[effective][1], 'r') && !(tables & 4);
		bool uw = strchr(ap[effective][1], 'w') && !(tables & 4) && !(tables & 8);
		bool pw = strchr(ap[effective][0], 'w') && !(tables & 8);
		bool ux = !uxn && !(tables & 2), px = !pxn && !(tables & 1) && !uw;
		bool kept = pan && !el0 && (ur || uw || (epan && ux));
		struct expected e = {
			.read = el0 ? ur : !kept,
			.write = el0 ? uw : pw && !kept,
			.execute = el0 ? ux && !(wxn && uw) : px && !(wxn && pw),
			.overlay_read = true,
			.overlay_write = true,
			.overlay_execute = true,
		};

		machine.regs[SV_TCR_EL1] = tcr_for(0, 30) | (hd ? TCR_HA | TCR_HD : 0);
		*descriptor(&machine, entry) = 0x5000 | AF | 3 | (uint64_t)bits << 6 | (dbm ? DBM : 0) |
					       (uxn ? UXN : 0) | (pxn ? PXN : 0);
		*descriptor(&machine, root) = (*descriptor(&machine, root) & 0xfffff003) | (uint64_t)tables
												   << 59;
		compare(&machine, "direct", i, &e, el0, (wxn ? SV_SCTLR_WXN : 0) | (epan ? SV_SCTLR_EPAN : 0),
			(el0 ? EL0 : EL1) | (pan ? SV_PSTATE_PAN : 0));
	}
}

/* PIR_EL1 and PIRE0_EL1: g is a guarded control stack, ! that WXN applies, o that an overlay does. */
static const char *const indirect_texts[16] = {
	"o", "ro", "xo", "rxo", "o", "rwo", "rwx!o", "rwxo", "r", "rg", "rx", "", "rw", "", "rwx", "",
};

/* POR_EL0 and POR_EL1. */
static const char *const overlay_texts[16] = {"", "r", "x", "rx", "w", "rw", "xw", "rwx"};

static bool any(const char *text, const char *rights)
{
	return strpbrk(text, rights);
}

static struct expected indirect_rights(unsigned p, unsigned u, bool el0, bool pan, const char *overlay)
{
	const char *pt = indirect_texts[p], *ut = indirect_texts[u], *own;
	bool nobody = any(pt, "xg") && any(ut, "wg"), kept = pan && !el0 && u, strip, gives;
	struct expected e;

	own = el0 ? ut : pt;
	if (!strchr(own, 'o'))
		overlay = NULL;
	gives = overlay && strchr(overlay, 'x');
	strip = !nobody && strchr(own, '!');
	e = (struct expected){
		.read = !nobody && strchr(own, 'r') && !kept,
		.write = !nobody && strchr(own, 'w') && !kept,
		.execute = !nobody && strchr(own, 'x') && !(strip && !gives),
		.overlay_read = !overlay || strchr(overlay, 'r'),
		.overlay_write = !overlay || (strchr(overlay, 'w') && !(strip && gives)),
		.overlay_execute = !overlay || gives,
	};
	return e;
}

static void indirect(void **state)
{
	struct machine machine = {.memory = *state};
	uint64_t root = 0, entry;

	reset(&machine);
	machine.features = ALL | SV_MMU_S1PIE;
	/* What a table says does not matter. */
	entry = map(&machine, 12, 30, &root, 0x1000, 3, 0x5000, AF, UINT64_C(0xf) << 59);
	machine.regs[SV_TTBR0_EL1] = root;
	machine.regs[SV_TCR2_EL1] = 2;
	for (unsigned i = 0; i < 1 << 15; i++) {
		unsigned p = i & 15, u = i >> 4 & 15, index = i >> 8 & 15;
		bool el0 = i >> 12 & 1, pan = i >> 13 & 1, clean = i >> 14 & 1;
		struct expected e = indirect_rights(p, u, el0, pan, NULL);

		e.clean = clean;
		machine.regs[SV_TCR_EL1] = tcr_for(0, 30) | TCR_HA;
		machine.regs[SV_PIR_EL1] = UINT64_C(0x123456789abcdef0);
		machine.regs[SV_PIRE0_EL1] = ~UINT64_C(0x123456789abcdef0);
		machine.regs[SV_PIR_EL1] &= ~(UINT64_C(0xf) << 4 * index);
		machine.regs[SV_PIRE0_EL1] &= ~(UINT64_C(0xf) << 4 * index);
		machine.regs[SV_PIR_EL1] |= (uint64_t)p << 4 * index;
		machine.regs[SV_PIRE0_EL1] |= (uint64_t)u << 4 * index;
		*descriptor(&machine, entry) = 0x5000 | AF | 3 | (clean ? AP_RO : 0) |
					       (uint64_t)(index >> 2) << 53 |
					       (uint64_t)(index >> 1 & 1) << 51 | (uint64_t)(index & 1) << 6;
		/* WXN and EPAN are of direct permissions. */
		compare(&machine, "indirect", i, &e, el0, SV_SCTLR_WXN | (i % 3 ? SV_SCTLR_EPAN : 0),
			(el0 ? EL0 : EL1) | (pan ? SV_PSTATE_PAN : 0));
		/* With HD hardware would have made it dirty. */
		machine.regs[SV_TCR_EL1] |= TCR_HD;
		e.clean = false;
		compare(&machine, "indirect, HD", i, &e, el0, 0,
			(el0 ? EL0 : EL1) | (pan ? SV_PSTATE_PAN : 0));
	}
}

static void overlays(void **state)
{
	struct machine machine = {.memory = *state};
	uint64_t root = 0, entry;

	reset(&machine);
	entry = map(&machine, 12, 30, &root, 0x1000, 3, 0x5000, AF, 0);
	machine.regs[SV_TTBR0_EL1] = root;
	machine.regs[SV_TCR_EL1] = tcr_for(0, 30);
	for (unsigned i = 0; i < 1 << 17; i++) {
		unsigned p = i & 15, u = i >> 4 & 15, o = i >> 8 & 15, index = i >> 12 & 7;
		bool el0 = i >> 15 & 1, on = i >> 16 & 1;
		struct expected e = indirect_rights(p, u, el0, false,
						    on ? overlay_texts[o] ? overlay_texts[o] : "" : NULL);
		uint64_t por = UINT64_C(0x1234567012345670);

		machine.features = ALL | SV_MMU_S1PIE | SV_MMU_S1POE;
		machine.regs[SV_TCR2_EL1] = 2 | (on == el0 ? 4 : 8);
		por = (por & ~(UINT64_C(0xf) << 4 * index)) | (uint64_t)o << 4 * index;
		machine.regs[el0 ? SV_POR_EL0 : SV_POR_EL1] = por;
		machine.regs[el0 ? SV_POR_EL1 : SV_POR_EL0] = 0;
		machine.regs[SV_PIR_EL1] = p;
		machine.regs[SV_PIRE0_EL1] = u;
		*descriptor(&machine, entry) = 0x5000 | AF | 3 | (uint64_t)index << 60;
		compare(&machine, "overlay", i, &e, el0, 0, el0 ? EL0 : EL1);
	}
}

/* Overlays over direct permissions: WXN takes the writing of what the overlay lets execute. */
static void overlays_over_direct(void **state)
{
	struct machine machine = {.memory = *state};
	uint64_t root = 0, entry;

	reset(&machine);
	machine.features = ALL | SV_MMU_S1POE;
	/* Hierarchical permissions are off: a leaf has its POIndex there. */
	entry = map(&machine, 12, 30, &root, 0x1000, 3, 0x5000, AF, UINT64_C(0xf) << 59);
	machine.regs[SV_TTBR0_EL1] = root;
	machine.regs[SV_TCR_EL1] = tcr_for(0, 30);
	for (unsigned i = 0; i < 1 << 10; i++) {
		const char *overlay = overlay_texts[i & 15] ? overlay_texts[i & 15] : "";
		bool wxn = i >> 4 & 1, read_only = i >> 5 & 1, el0 = i >> 6 & 1, user = i >> 7 & 1;
		/* EL0 may execute it all, so EPAN keeps EL1 out of it all. */
		bool on = i >> 8 & 1, pan = i >> 9 & 1, kept = pan && !el0;
		bool data = !el0 || user, uw = user && !read_only;
		const char *base = !data ? "x" : read_only ? "rx" : !el0 && uw ? "rw" : "rwx";
		bool strip = wxn && strchr(base, 'w') && strchr(base, 'x'),
		     gives = on && strchr(overlay, 'x');
		struct expected e = {
			.read = strchr(base, 'r') && !kept,
			.write = strchr(base, 'w') && !kept,
			.execute = strchr(base, 'x') && !(strip && !gives),
			.overlay_read = !on || strchr(overlay, 'r'),
			.overlay_write = !on || (strchr(overlay, 'w') && !(strip && gives && !kept)),
			.overlay_execute = !on || gives,
		};

		/* Off for one level is on for the other. */
		machine.regs[SV_TCR2_EL1] = on == el0 ? 4 : 8;
		machine.regs[el0 ? SV_POR_EL0 : SV_POR_EL1] = (uint64_t)(i & 15) << 12;
		machine.regs[el0 ? SV_POR_EL1 : SV_POR_EL0] = 0;
		*descriptor(&machine, entry) =
			0x5000 | AF | 3 | UINT64_C(3) << 60 | (user ? AP_EL0 : 0) | (read_only ? AP_RO : 0);
		compare(&machine, "overlay over direct", i, &e, el0, SV_SCTLR_EPAN | (wxn ? SV_SCTLR_WXN : 0),
			(el0 ? EL0 : EL1) | (pan ? SV_PSTATE_PAN : 0));
	}
}

static void unprivileged(void **state)
{
	static const struct {
		uint64_t pstate;
		bool unprivileged, el0;
	} cases[] = {
		{EL1, false, false},
		{EL1, true, true},
		{EL1 | SV_PSTATE_UAO, false, false},
		{EL1 | SV_PSTATE_UAO, true, false},
		{0x3c4 | SV_PSTATE_UAO, true, false},
		{EL0, false, true},
		{EL0, true, true},
		{EL0 | SV_PSTATE_UAO, true, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(sv_access_el0(&(struct sv_context){.pstate = cases[i].pstate},
					       cases[i].unprivileged),
				 cases[i].el0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct),       cmocka_unit_test(indirect),
		cmocka_unit_test(overlays),     cmocka_unit_test(overlays_over_direct),
		cmocka_unit_test(unprivileged),
	};

	return cmocka_run_group_tests(tests, tables_setup, tables_teardown);
}
