/* SPDX-License-Identifier: BSD-2-Clause */
/* The in-kernel GICv3 on a scripted kernel: what an access becomes, and what the table promises. */
#include <errno.h>

#include <salvage/kvm.h>

/* The table is the library's own and no symbol of it. */
#include "kvm/vgic-registers.c"
#undef COUNT
#include "kvm/uapi.h"
#include "support/check.h"

#define DEVICE_FD     55
#define DISTRIBUTOR   0x08000000
#define REDISTRIBUTOR 0x080a0000

struct kernel {
	char log[512];
	uint32_t typer2, typer;
	uint32_t value; /* of every other register */
	int fail_at;    /* the request that fails, from 1; 0: none */
	unsigned requests;
};

static int device_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	struct kernel *kernel = opaque;
	const struct sv_kvm_device_attr *attr = argument;
	uint32_t *value = (uint32_t *)(uintptr_t)attr->addr;
	bool write = request == SV_KVM_SET_DEVICE_ATTR;
	size_t length = strlen(kernel->log);

	assert_int_equal(fd, DEVICE_FD);
	assert_true(write || request == SV_KVM_GET_DEVICE_ATTR);
	assert_int_equal(attr->flags, 0);
	assert_int_equal(attr->attr & 3, 0);
	if (++kernel->requests == (unsigned)kernel->fail_at)
		return -EBUSY;
	if (!write && attr->group == 1 && attr->attr == 0xc)
		*value = kernel->typer2;
	else if (!write && attr->group == 5 && (uint32_t)attr->attr == 8)
		*value = kernel->typer;
	else if (!write)
		*value = kernel->value + (uint32_t)(attr->attr & 4);
	snprintf(kernel->log + length, sizeof(kernel->log) - length, "%s%c%u:%llx=%x", length ? " " : "",
		 write ? 'w' : 'r', attr->group, (unsigned long long)attr->attr, *value);
	return 0;
}

struct bench {
	struct kernel kernel;
	struct sv_kvm_backend backend;
	struct sv_kvm_vgic vgic;
	struct sv_region distributor, redistributors;
};

/* Aff3.Aff2.Aff1.Aff0, with the bits around them that KVM's attribute has no place for. */
static const uint64_t mpidr[] = {0x80000000, 0x0000000480010203, 0xff00000081000001};

static enum sv_status setup(struct bench *bench)
{
	enum sv_status status;

	bench->backend = (struct sv_kvm_backend){device_ioctl, &bench->kernel};
	status = sv_kvm_vgic_init(&bench->vgic, &bench->backend, DEVICE_FD, mpidr, COUNT(mpidr));
	bench->distributor = (struct sv_region){.first = DISTRIBUTOR,
						.last = DISTRIBUTOR + 0xffff,
						.kind = SV_REGION_KERNEL,
						.name = "distributor",
						.kernel = &bench->vgic.distributor};
	bench->redistributors = (struct sv_region){.first = REDISTRIBUTOR,
						   .last = REDISTRIBUTOR + 0x7ffff,
						   .kind = SV_REGION_KERNEL,
						   .name = "redistributors",
						   .kernel = &bench->vgic.redistributors};
	*bench->kernel.log = '\0';
	return status;
}

static void accesses(void **state)
{
	static const struct {
		bool redistributor;
		uint64_t offset;
		unsigned size;
		bool write;
		uint64_t data;
		const char *log;
		uint64_t expected; /* of a read */
		enum sv_status status;
	} cases[] = {
		{false, 0x0, 4, false, 0, "r1:0=44332211", 0x44332211, SV_OK},
		{false, 0x104, 4, true, 0xaabbccdd, "w1:104=aabbccdd", 0, SV_OK},
		/* nASSGIreq is nobody's to set. */
		{false, 0x0, 4, true, 0xffffffff, "w1:0=fffffeff", 0, SV_OK},
		{false, 0x80, 4, true, 0xffffffff, "w1:80=ffffffff", 0, SV_OK},
		{false, 0x6108, 8, false, 0, "r1:6108=44332211 r1:610c=44332215", 0x4433221544332211, SV_OK},
		{false, 0x6108, 8, true, 0x1122334455667788, "w1:6108=55667788 w1:610c=11223344", 0, SV_OK},
		{false, 0x610c, 4, true, 7, "w1:610c=7", 0, SV_OK},
		{false, 0x420, 1, false, 0, "r1:420=44332211", 0x11, SV_OK},
		{false, 0x423, 1, false, 0, "r1:420=44332211", 0x44, SV_OK},
		{false, 0x422, 1, true, 0xee, "r1:420=44332211 w1:420=44ee2211", 0, SV_OK},
		{true, 0x14, 4, false, 0, "r5:14=44332215", 0x44332215, SV_OK},
		/* The second and the third one's, by their affinity. */
		{true, 0x20014, 4, true, 2, "w5:401020300000014=2", 0, SV_OK},
		{true, 0x50408, 4, true, 3, "w5:100010408=3", 0, SV_OK},
		{true, 0x30100, 4, true, 0xffff, "w5:401020300010100=ffff", 0, SV_OK},
		/* The table does not say so, or there is no such redistributor. */
		{false, 0x284, 4, true, 1, "", 0, SV_UNSUPPORTED},
		{false, 0x104, 8, true, 1, "", 0, SV_UNSUPPORTED},
		{false, 0x8, 4, true, 1, "", 0, SV_UNSUPPORTED},
		{false, 0x102, 4, true, 1, "", 0, SV_UNSUPPORTED},
		{false, 0x2000, 4, false, 1, "", 0, SV_UNSUPPORTED},
		{true, 0x60014, 4, false, 0, "", 0, SV_UNSUPPORTED},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench bench = {.kernel = {.value = 0x44332211, .typer = 0x10}};
		struct sv_access access = {.size = (uint8_t)cases[i].size, .write = cases[i].write};
		uint64_t data = 0;
		char name[32];

		assert_int_equal(setup(&bench), SV_OK);
		snprintf(name, sizeof(name), "case %zu", i);
		access.region = cases[i].redistributor ? &bench.redistributors : &bench.distributor;
		access.ipa = access.region->first + cases[i].offset;
		for (unsigned byte = 0; byte < 8; byte++)
			access.data[byte] = (uint8_t)(cases[i].data >> 8 * byte);
		check(name, sv_kvm_vgic_access(&bench.vgic, &access) == cases[i].status);
		check(name, !strcmp(bench.kernel.log, cases[i].log));
		for (unsigned byte = 0; byte < cases[i].size; byte++)
			data |= (uint64_t)access.data[byte] << 8 * byte;
		check(name, cases[i].write || cases[i].status || data == cases[i].expected);
	}
}

/* Accesses that are none of this vGIC's. */
static void not_ours(void **state)
{
	struct bench bench = {.kernel = {.typer = 0x10}}, other = {.kernel = {.typer = 0x10}};
	struct sv_access access = {.ipa = DISTRIBUTOR, .size = 4};
	struct sv_region window;

	assert_int_equal(setup(&bench), SV_OK);
	assert_int_equal(setup(&other), SV_OK);
	assert_int_equal(sv_kvm_vgic_access(&bench.vgic, &access), SV_UNSUPPORTED);
	access.region = &other.distributor;
	assert_int_equal(sv_kvm_vgic_access(&bench.vgic, &access), SV_UNSUPPORTED);
	window = bench.distributor;
	window.kind = SV_REGION_WINDOW;
	access.region = &window;
	assert_int_equal(sv_kvm_vgic_access(&bench.vgic, &access), SV_UNSUPPORTED);
	access.region = &bench.distributor;
	access.op = 1;
	assert_int_equal(sv_kvm_vgic_access(&bench.vgic, &access), SV_UNSUPPORTED);
	assert_string_equal(bench.kernel.log, "");
	access.op = 0;
	assert_int_equal(sv_kvm_vgic_access(&bench.vgic, &access), SV_OK);
}

/* A kernel that refuses, at every request. */
static void failures(void **state)
{
	for (int at = 1; at <= 2; at++) {
		struct bench bench = {.kernel = {.typer = 0x10, .fail_at = at}};

		assert_int_equal(setup(&bench), SV_UNSUPPORTED);
		assert_int_equal(bench.vgic.distributor.count, 0);
		assert_int_equal(bench.vgic.redistributors.count, 0);
	}
	for (int at = 1; at <= 2; at++) {
		struct bench bench = {.kernel = {.typer = 0x10}};
		struct sv_access byte = {.ipa = DISTRIBUTOR + 0x421, .size = 1, .write = true};
		struct sv_access wide = {.ipa = DISTRIBUTOR + 0x6108, .size = 8};

		assert_int_equal(setup(&bench), SV_OK);
		byte.region = wide.region = &bench.distributor;
		memset(byte.data, 0x55, sizeof(byte.data));
		bench.kernel.fail_at = 2 + at;
		assert_int_equal(sv_kvm_vgic_access(&bench.vgic, &byte), SV_REGISTER);
		assert_null(strchr(bench.kernel.log, 'w'));
		bench.kernel.requests = 0;
		bench.kernel.fail_at = at;
		assert_int_equal(sv_kvm_vgic_access(&bench.vgic, &wide), SV_REGISTER);
	}
	assert_int_equal(sv_kvm_vgic_init(&(struct sv_kvm_vgic){0}, &sv_kvm_system, -1, mpidr, 0),
			 SV_MALFORMED);
	assert_int_equal(sv_kvm_vgic_init(&(struct sv_kvm_vgic){0}, &sv_kvm_system, -1, mpidr, 1),
			 SV_UNSUPPORTED);
}

/* What is not the same on every host and kernel. */
static void differences(void **state)
{
	static const struct {
		uint32_t typer2, typer;
		unsigned distributor, redistributors;
	} hosts[] = {
		{0, 0x10, 0, 0},
		{0x100, 0x10, SV_KVM_VGIC_HW_SGI, SV_KVM_VGIC_HW_SGI},
		{0xfffffeff, 0xffffffff, 0, 0},
		{0, 0xffffffef, 0, SV_KVM_VGIC_NO_LAST},
		{0x100, 0, SV_KVM_VGIC_HW_SGI, SV_KVM_VGIC_HW_SGI | SV_KVM_VGIC_NO_LAST},
	};

	for (size_t i = 0; i < COUNT(hosts); i++) {
		struct bench bench = {.kernel = {.typer2 = hosts[i].typer2, .typer = hosts[i].typer}};
		bool sgi = hosts[i].distributor, last = !(hosts[i].redistributors & SV_KVM_VGIC_NO_LAST);
		const struct sv_region *gicd = &bench.distributor, *gicr = &bench.redistributors;

		assert_int_equal(setup(&bench), SV_OK);
		assert_int_equal(bench.vgic.distributor.differs, hosts[i].distributor);
		assert_int_equal(bench.vgic.redistributors.differs, hosts[i].redistributors);
		assert_int_equal(sv_kernel_takes(gicd, DISTRIBUTOR, 4, true), !sgi);
		assert_true(sv_kernel_takes(gicd, DISTRIBUTOR, 4, false));
		assert_true(sv_kernel_takes(gicd, DISTRIBUTOR + 0x104, 4, true));
		assert_int_equal(sv_kernel_takes(gicr, REDISTRIBUTOR + 0x10100, 4, true), !sgi);
		assert_int_equal(sv_kernel_takes(gicr, REDISTRIBUTOR + 0x10180, 4, true), !sgi);
		assert_int_equal(sv_kernel_takes(gicr, REDISTRIBUTOR + 0x20008, 8, false), last);
		assert_true(sv_kernel_takes(gicr, REDISTRIBUTOR + 0x20008, 8, true));
	}
}

static void sound(const struct sv_kernel_map *map, uint64_t end)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct sv_kernel_register *reg = &map->registers[i];
		unsigned sizes = reg->read | reg->write;
		bool whole = reg->read && reg->write && !reg->read_unless && !reg->write_unless;

		check(reg->name, reg->offset + reg->length <= end && reg->offset % 4 == 0 && reg->length);
		check(reg->name,
		      !i || map->registers[i - 1].offset + map->registers[i - 1].length <= reg->offset);
		/* An attribute is a word: bytes and double words are made of it. */
		check(reg->name, !(sizes & ~13u) && (!sizes || sizes & 4));
		check(reg->name, !(sizes & 8) || (reg->offset % 8 == 0 && reg->length % 8 == 0));
		/* A reason is there where, and only where, something is refused. */
		check(reg->name, whole == !reg->why);
	}
}

/* docs/vgic.md has every register, with exactly what the table lets through. */
static void documented(void **state)
{
	static const struct sv_kernel_map *const maps[] = {&sv_kvm_vgic_distributor,
							   &sv_kvm_vgic_redistributors};
	static char page[16384];
	FILE *file = fopen(*state, "r");
	unsigned rows = 0, listed = 0;

	assert_non_null(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	sound(maps[0], 0x10000);
	sound(maps[1], SV_KVM_VGIC_REDISTRIBUTOR);
	for (const char *at = page; (at = strstr(at, "\n| 0x")); at++)
		listed++;
	for (size_t i = 0; i < COUNT(maps); i++)
		for (size_t j = 0; j < maps[i]->count; j++, rows++) {
			const struct sv_kernel_register *reg = &maps[i]->registers[j];
			char line[64], sizes[2][16];

			for (unsigned write = 0; write < 2; write++)
				snprintf(sizes[write], sizeof(sizes[write]), "%s%s%s%s",
					 (write ? reg->write : reg->read) & 1 ? "1 " : "",
					 (write ? reg->write : reg->read) & 4 ? "4" : "no",
					 (write ? reg->write : reg->read) & 8 ? " 8" : "",
					 (write ? reg->write_unless : reg->read_unless) ? "*" : "");
			snprintf(line, sizeof(line), "| 0x%05x | %s | %s | %s |", reg->offset, reg->name,
				 sizes[0], sizes[1]);
			check(line, strstr(page, line));
		}
	assert_int_equal(rows, listed);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accesses),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(failures),
		cmocka_unit_test(differences),
		cmocka_unit_test_prestate(documented, argv[1]),
	};

	return argc == 2 ? cmocka_run_group_tests(tests, NULL, NULL) : 2;
}
