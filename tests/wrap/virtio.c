/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio block device on its memory-mapped transport (VIRTIO 1.2, 4.2): identified, given a queue, and made
 * to read and write, each with accesses that KVM cannot decode. The notification is one of them: where the
 * VMM has registered it with the kernel (KVM_IOEVENTFD), the kernel would have rung it.
 */
#include "virt.h"

/* 4.2.2: registers. */
#define MAGIC         0x000
#define DEVICE_ID     0x008
#define DEVICE_SELECT 0x014
#define DRIVER        0x020
#define DRIVER_SELECT 0x024
#define QUEUE_SELECT  0x030
#define QUEUE_NUM     0x038
#define QUEUE_READY   0x044
#define QUEUE_NOTIFY  0x050
#define INTERRUPTS    0x060
#define ACKNOWLEDGE   0x064
#define STATUS        0x070
#define QUEUE_DESC    0x080
#define QUEUE_DRIVER  0x090
#define QUEUE_DEVICE  0x0a0
#define CONFIG        0x100

#define MAGIC_VALUE  0x74726976u
#define MODERN       2u
#define BLOCK_DEVICE 2u
#define VENDOR_QEMU  0x554d4551u

#define STATUS_FOUND  3u    /* ACKNOWLEDGE, DRIVER */
#define STATUS_AGREED 0x0bu /* and FEATURES_OK */
#define STATUS_RUNS   0x0fu /* and DRIVER_OK */
#define VERSION_1_TOP 1u    /* feature 32, in the upper word */

#define QUEUE_SIZE 8u
#define NEXT       1u
#define WRITE      2u
#define SECTOR     512u
#define CAPACITY   128u /* in sectors, of the image that the test has made */
#define PATTERN(n) (0x01000193u * ((n) + 1))
#define PATIENCE   200000000ul /* of memory */
#define READS      50000ul     /* of a device, each an exit */

static _Alignas(4096) struct {
	struct {
		uint64_t address;
		uint32_t length;
		uint16_t flags, next;
	} descriptors[QUEUE_SIZE];
	volatile struct {
		uint16_t flags, index, ring[QUEUE_SIZE];
	} available;
	_Alignas(4096) volatile struct {
		uint16_t flags, index;
		struct {
			uint32_t id, length;
		} ring[QUEUE_SIZE];
	} used;
} queue;

static struct {
	uint32_t type, reserved;
	uint64_t sector;
} request;
static volatile uint32_t data[SECTOR / 4];
static volatile uint8_t answer;

static uint64_t transport;

WHOLE(identify_pair, "ldp w1, w2, [x0], #8");
WHOLE(identify_q, "ldr q1, [x0], #16");
WHOLE(identify_lanes, "ld1 {v1.2s, v2.2s}, [x0], #16");
WHOLE(address_pair, "stp w1, w2, [x0], #16");
WHOLE(address_d, "str d1, [x0, #-16]!");
WHOLE(address_lanes, "st1 {v1.2s}, [x0]");
WHOLE(word_post, "str w1, [x0], #4");
WHOLE(word_pre, "str w1, [x0, #4]!");
WHOLE(word_simd, "st1 {v1.s}[0], [x0]");
WHOLE(word_s, "str s1, [x0], #4");
WHOLE(capacity_pair, "ldp w1, w2, [x0]");

static uint64_t find(void)
{
	for (unsigned i = 0; i < VIRTIO_COUNT; i++)
		if (read32(VIRTIO + i * VIRTIO_STEP + DEVICE_ID) == BLOCK_DEVICE)
			return VIRTIO + i * VIRTIO_STEP;
	guest_fail(__FILE__, __LINE__, "the number of block devices", 0, 1);
}

static void identify(void)
{
	const uint64_t low = (uint64_t)MODERN << 32 | MAGIC_VALUE,
		       high = (uint64_t)VENDOR_QEMU << 32 | BLOCK_DEVICE;
	struct whole_case test;

	whole_begin(&test, transport);
	test.after.x[0] += 8;
	test.after.x[1] = MAGIC_VALUE;
	test.after.x[2] = MODERN;
	whole_check(&test, "virtio: ldp w1, w2, [x0], #8", identify_pair);
	whole_begin(&test, transport);
	test.after.x[0] += 16;
	test.after.v[1][0] = low;
	test.after.v[1][1] = high;
	whole_check(&test, "virtio: ldr q1, [x0], #16", identify_q);
	whole_begin(&test, transport);
	test.after.x[0] += 16;
	test.after.v[1][0] = low;
	test.after.v[1][1] = 0;
	test.after.v[2][0] = high;
	test.after.v[2][1] = 0;
	whole_check(&test, "virtio: ld1 {v1.2s, v2.2s}, [x0], #16", identify_lanes);
	whole_begin(&test, transport + CONFIG);
	test.after.x[1] = CAPACITY;
	test.after.x[2] = 0;
	whole_check(&test, "virtio: ldp w1, w2, [x0]", capacity_pair);
}

/* Stores of w1, w2 or v1 that leave the base changed by step. */
static void store(const char *name, whole_instruction *instruction, uint64_t base, int64_t step,
		  uint64_t value)
{
	struct whole_case test;

	whole_begin(&test, base);
	test.before.x[1] = test.after.x[1] = (uint32_t)value;
	test.before.x[2] = test.after.x[2] = value >> 32;
	test.before.v[1][0] = test.after.v[1][0] = value;
	test.after.x[0] += (uint64_t)step;
	whole_check(&test, name, instruction);
}

static void start(void)
{
	write32(transport + STATUS, 0);
	store("status: str w1, [x0], #4", word_post, transport + STATUS, 4, STATUS_FOUND);
	EQUAL(read32(transport + STATUS), STATUS_FOUND);
	/* No feature but the one that says which version of the standard it is. */
	write32(transport + DRIVER_SELECT, 0);
	write32(transport + DRIVER, 0);
	write32(transport + DRIVER_SELECT, 1);
	store("features: str w1, [x0, #4]!", word_pre, transport + DRIVER - 4, 4, VERSION_1_TOP);
	write32(transport + STATUS, STATUS_AGREED);
	EQUAL(read32(transport + STATUS), STATUS_AGREED);
	write32(transport + QUEUE_SELECT, 0);
	store("size: str s1, [x0], #4", word_s, transport + QUEUE_NUM, 4, QUEUE_SIZE);
	store("descriptors: stp w1, w2, [x0], #16", address_pair, transport + QUEUE_DESC, 16,
	      (uint64_t)queue.descriptors);
	store("available: str d1, [x0, #-16]!", address_d, transport + QUEUE_DRIVER + 16, -16,
	      (uint64_t)&queue.available);
	store("used: st1 {v1.2s}, [x0]", address_lanes, transport + QUEUE_DEVICE, 0, (uint64_t)&queue.used);
	store("ready: st1 {v1.s}[0], [x0]", word_simd, transport + QUEUE_READY, 0, 1);
	EQUAL(read32(transport + QUEUE_READY), 1);
	write32(transport + STATUS, STATUS_RUNS);
	EQUAL(read32(transport + STATUS), STATUS_RUNS);
}

static void describe(unsigned i, volatile const void *address, uint32_t length, uint16_t flags)
{
	queue.descriptors[i].address = (uint64_t)address;
	queue.descriptors[i].length = length;
	queue.descriptors[i].flags = flags;
	queue.descriptors[i].next = (uint16_t)(i + 1);
}

static void transfer(bool writes, uint64_t sector, const char *name, whole_instruction *notify, uint64_t base,
		     int64_t step)
{
	uint16_t before = queue.used.index;

	request.type = writes;
	request.sector = sector;
	answer = 0xff;
	describe(0, &request, sizeof(request), NEXT);
	describe(1, data, SECTOR, NEXT | (writes ? 0 : WRITE));
	describe(2, &answer, 1, WRITE);
	queue.available.ring[queue.available.index % QUEUE_SIZE] = 0;
	__asm__ volatile("dmb ish" : : : "memory");
	queue.available.index++;
	__asm__ volatile("dsb sy" : : : "memory");
	store(name, notify, base, step, 0);
	for (uint64_t i = 0; queue.used.index == before; i++)
		if (i == PATIENCE)
			guest_fail(name, 0, "the requests that the device took", queue.used.index,
				   before + 1u);
	__asm__ volatile("dmb ish" : : : "memory");
	EQUAL(queue.used.index, (uint16_t)(before + 1));
	EQUAL(answer, 0);
	/* The ring first, and then the interrupt: the device is another thread. */
	for (uint64_t i = 0; !(read32(transport + INTERRUPTS) & 1); i++)
		if (i == READS)
			guest_fail(name, 0, "the device's interrupt status", 0, 1);
	write32(transport + ACKNOWLEDGE, 1);
}

static void sector(uint64_t number, uint32_t factor)
{
	for (unsigned i = 0; i < SECTOR / 4; i++)
		EQUAL(data[i], PATTERN((uint32_t)number * (SECTOR / 4) + i) * factor);
}

void check_virtio(void)
{
	const uint64_t bell = QUEUE_NOTIFY;

	transport = find();
	identify();
	start();
	transfer(false, 1, "notify: str w1, [x0], #4", word_post, transport + bell, 4);
	sector(1, 1);
	for (unsigned i = 0; i < SECTOR / 4; i++)
		data[i] = PATTERN(7 * (SECTOR / 4) + i) * 3;
	transfer(true, 7, "notify: str w1, [x0, #4]!", word_pre, transport + bell - 4, 4);
	for (unsigned i = 0; i < SECTOR / 4; i++)
		data[i] = 0;
	transfer(false, 7, "notify: st1 {v1.s}[0], [x0]", word_simd, transport + bell, 0);
	sector(7, 3);
	transfer(false, 127, "notify: str s1, [x0], #4", word_s, transport + bell, 4);
	sector(127, 1);
	guest_print("virtio: four requests, each by another kind of notification\n");
}
