import { judgeEngine } from './judge.js';

judgeEngine(1);
