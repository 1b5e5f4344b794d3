-- Ordered by hand: the ranks of open deliveries are set before they are indexed.
DROP INDEX "alert_deliveries_open_idx";--> statement-breakpoint
ALTER TABLE "alert_deliveries" ADD COLUMN "rank" smallint DEFAULT 3 NOT NULL;--> statement-breakpoint
-- Sent and dropped deliveries need none; failed ones may be opened again. Those that a process of the version before adds from now on keep the default.
UPDATE "alert_deliveries" d SET "rank" = CASE "a"."event" WHEN 'change-waits' THEN 1 ELSE 2 END
FROM "alerts" a
WHERE a.id = d.alert_id AND d.state IN ('open', 'failed')
  AND a.event IN ('change-waits', 'admin-created', 'admin-changed', 'credentials-changed', 'rule-relaxed', 'token-created');
--> statement-breakpoint
CREATE INDEX "alert_deliveries_queue_idx" ON "alert_deliveries" USING btree ("channel","rank","attempts","id") WHERE "alert_deliveries"."state" = 'open';--> statement-breakpoint
ALTER TABLE "alert_deliveries" ADD CONSTRAINT "alert_deliveries_rank_known" CHECK ("alert_deliveries"."rank" in (1, 2, 3));
