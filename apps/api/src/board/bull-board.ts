import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import type {
  AppControllerRoute,
  AppViewRoute,
  BullBoardQueues,
  IServerAdapter,
  UIConfig,
} from "@bull-board/api/typings/app";
import { catalog, type QueueName, type Queues, queueNames } from "@cpa-payouts/jobs";
import { linkOfJob } from "./links.ts";

/** What Bull Board registers with a server: its queues, routes and files. */
export interface BullBoard {
  readonly queues: BullBoardQueues;
  readonly uiConfig: UIConfig;
  /** The routes that answer with the page. */
  readonly entry: AppViewRoute;
  readonly apiRoutes: readonly AppControllerRoute[];
  readonly pageFolder: string;
  readonly staticFolder: string;
}

const uiConfig: UIConfig = {
  boardTitle: "CPA Payouts",
  hideDocsLink: true,
  miscLinks: [{ text: "Home", url: "/" }],
};

/**
 * Creates a Bull Board over all queues.
 *
 * @param isReadOnly whether to hide every button that changes something
 */
export function openBullBoard(
  bullmq: Queues["bullmq"],
  { uiFolder, isReadOnly }: { uiFolder: string; isReadOnly: boolean },
): BullBoard {
  const { server, described } = describedServer();
  createBullBoard({
    queues: queueNames.map((name) => new BullMQAdapter(bullmq[name], optionsOf(name, isReadOnly))),
    serverAdapter: server,
    options: { uiConfig, uiBasePath: uiFolder },
  });
  return described();
}

function optionsOf(name: QueueName, isReadOnly: boolean) {
  return {
    readOnlyMode: isReadOnly,
    allowCompletedRetries: false,
    ...(name === catalog["create-invoice"].queue ? { externalJobUrl: linkOfJob } : {}),
  };
}

/** A server adapter that only records what Bull Board registers (docs/decisions/0012). */
function describedServer(): { server: IServerAdapter; described: () => BullBoard } {
  const registered: Partial<BullBoard> = {};
  const keep = (part: Partial<BullBoard>) => {
    Object.assign(registered, part);
    return server;
  };
  const server: IServerAdapter = {
    setQueues: (queues) => keep({ queues }),
    setUIConfig: (uiConfig) => keep({ uiConfig }),
    setEntryRoute: (entry) => keep({ entry }),
    setApiRoutes: (apiRoutes) => keep({ apiRoutes }),
    setViewsPath: (pageFolder) => keep({ pageFolder }),
    setStaticPath: (_route, staticFolder) => keep({ staticFolder }),
    // The API's error handler answers; Bull Board's own would show the messages of unexpected errors.
    setErrorHandler: () => server,
  };
  return { server, described: () => registered as BullBoard };
}
